/**
 * Judges an ONNX file before the runtime sees it, and tells its inputs and outputs.
 *
 * Owns: what a model may be made of. Does not own: whether the graph computes anything sensible.
 * M1 nothing in the file makes the runtime open another file: no tensor has external data, and the
 *    bytes are not of the runtime's own format (which this judge could not read).
 * M2 every operator is from the ONNX standard: other domains are code that we do not ship.
 * M3 graphs inside attributes and functions are judged like the outer graph.
 */
import { configurationError } from '../errors.js'
import { fieldsOf, textOf, WireError, type WireField } from './wire.js'

/** An input or output of the graph. */
export interface ValueInfo {
  readonly name: string
  /** Element type; `other` is what no bundle of ours has. */
  readonly type: 'float' | 'string' | 'other'
  /** Lengths by dimension, null where one is free; null where the file says nothing. */
  readonly shape: readonly (number | null)[] | null
}

export interface ModelSignature {
  /** Inputs that a caller must give: those with a default value in the file are left out. */
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
}

const DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', 'ai.onnx.ml'])
const GRAPH_DEPTH_MAX = 16
const FLOAT = 1
const STRING = 8

/**
 * The signature of a model that keeps to M1–M3.
 *
 * Errors: `MODEL_INVALID` where the bytes are no ONNX model, `MODEL_UNTRUSTED` where they ask for
 * another file or a foreign operator. `subject` names the file in the texts.
 *
 * @example judgeModel(await readFile('model.onnx'), 'model.onnx').inputs[0]?.name // 'num'
 */
export function judgeModel(bytes: Uint8Array, subject: string): ModelSignature {
  if (bytes.length === 0) throw configurationError('MODEL_INVALID', `${subject} is empty`)
  // The runtime tells its own format by these four bytes, whatever else the file could be read as.
  if (Buffer.from(bytes.subarray(4, 8)).toString('latin1') === 'ORTM') {
    throw untrusted(subject, "is in onnxruntime's own format; due is ONNX")
  }
  const walk = new Walk(bytes, subject)
  try {
    walk.model()
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    throw configurationError(
      'MODEL_INVALID',
      `${subject} (${bytes.length} bytes) is not an ONNX model: ${error.message}`,
      error,
    )
  }
  if (walk.graphs === 0 || walk.opsets === 0) {
    throw configurationError('MODEL_INVALID', `${subject} holds no ONNX graph`)
  }
  const inputs = walk.inputs.filter((input) => !walk.initializers.has(input.name))
  return { inputs, outputs: walk.outputs }
}

class Walk {
  graphs = 0
  opsets = 0
  readonly inputs: ValueInfo[] = []
  readonly outputs: ValueInfo[] = []
  readonly initializers = new Set<string>()

  constructor(
    private readonly bytes: Uint8Array,
    private readonly subject: string,
  ) {}

  model(): void {
    for (const field of fieldsOf(this.bytes, 0, this.bytes.length)) {
      if (field.start < 0) continue
      if (field.number === 7) {
        this.graphs++
        this.graph(field, 0)
      } else if (field.number === 8) this.opset(field)
      else if (field.number === 20) throw untrusted(this.subject, 'holds training graphs')
      else if (field.number === 25) this.localFunction(field)
    }
  }

  private opset(opset: WireField): void {
    this.opsets++
    for (const field of this.within(opset)) {
      if (field.number === 1) this.domain(field, 'operator set')
    }
  }

  private graph(graph: WireField, depth: number): void {
    if (depth > GRAPH_DEPTH_MAX) throw untrusted(this.subject, 'nests graphs too deeply')
    for (const field of this.within(graph)) {
      if (field.number === 1) this.node(field, depth)
      else if (field.number === 5) this.tensor(field, depth === 0)
      else if (field.number === 15) this.sparseTensor(field)
      else if (field.number === 11 && depth === 0) this.inputs.push(this.valueInfo(field))
      else if (field.number === 12 && depth === 0) this.outputs.push(this.valueInfo(field))
    }
  }

  private node(node: WireField, depth: number): void {
    for (const field of this.within(node)) {
      if (field.number === 7) this.domain(field, 'operator')
      else if (field.number === 5) this.attribute(field, depth)
    }
  }

  private attribute(attribute: WireField, depth: number): void {
    for (const field of this.within(attribute)) {
      if (field.number === 5 || field.number === 10) this.tensor(field, false)
      else if (field.number === 6 || field.number === 11) this.graph(field, depth + 1)
      else if (field.number === 22 || field.number === 23) this.sparseTensor(field)
    }
  }

  private localFunction(declared: WireField): void {
    for (const field of this.within(declared)) {
      if (field.number === 7) this.node(field, 0)
      else if (field.number === 9) this.opset(field)
      else if (field.number === 10) this.domain(field, 'function')
      else if (field.number === 11) this.attribute(field, 0)
    }
  }

  private sparseTensor(sparse: WireField): void {
    for (const field of this.within(sparse)) {
      if (field.number === 1 || field.number === 2) this.tensor(field, false)
    }
  }

  private tensor(tensor: WireField, initializer: boolean): void {
    for (const field of fieldsOf(this.bytes, tensor.start, tensor.end)) {
      // Any location but the default: a decoder cuts a large number to its low bits.
      if (field.number === 13 || (field.number === 14 && field.value !== 0)) {
        throw untrusted(this.subject, 'keeps a tensor in another file (external data)')
      }
      if (initializer && field.number === 8 && field.start >= 0) {
        this.initializers.add(textOf(this.bytes, field))
      }
    }
  }

  private valueInfo(info: WireField): ValueInfo {
    let name = ''
    let type: ValueInfo['type'] = 'other'
    let shape: (number | null)[] | null = null
    for (const field of this.within(info)) {
      if (field.number === 1) name = textOf(this.bytes, field)
      if (field.number !== 2) continue
      for (const kind of this.within(field)) {
        // Field 1 of a TypeProto is the tensor type; sequences, maps and the rest stay `other`.
        if (kind.number !== 1) continue
        for (const part of fieldsOf(this.bytes, kind.start, kind.end)) {
          if (part.number === 1 && part.value !== null) type = elementType(part.value)
          if (part.number === 2 && part.start >= 0) shape = this.shape(part)
        }
      }
    }
    return { name, type, shape }
  }

  private shape(declared: WireField): (number | null)[] {
    const shape: (number | null)[] = []
    for (const dimension of this.within(declared)) {
      if (dimension.number !== 1) continue
      let length: number | null = null
      for (const field of fieldsOf(this.bytes, dimension.start, dimension.end)) {
        if (field.number === 1 && field.value !== null) length = field.value
      }
      shape.push(length)
    }
    return shape
  }

  private domain(field: WireField, what: string): void {
    const domain = textOf(this.bytes, field)
    if (DOMAINS.has(domain)) return
    const known = [...DOMAINS].filter((name) => name !== '').join(' and ')
    throw untrusted(
      this.subject,
      `has an ${what} of domain ${JSON.stringify(domain)}; allowed: ${known}`,
    )
  }

  /** Length-delimited fields only: what is nested is never anything else. */
  private *within(field: WireField): Generator<WireField> {
    for (const inner of fieldsOf(this.bytes, field.start, field.end)) {
      if (inner.start >= 0) yield inner
    }
  }
}

function elementType(code: number): ValueInfo['type'] {
  if (code === FLOAT) return 'float'
  return code === STRING ? 'string' : 'other'
}

function untrusted(subject: string, reason: string): Error {
  return configurationError('MODEL_UNTRUSTED', `${subject} ${reason}`)
}
