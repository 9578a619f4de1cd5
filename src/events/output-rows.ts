/**
 * Feature rows and scores as record values of the output topics, and back.
 *
 * Owns the byte layout. Within one commit the coordinates are the same for all rows, so they are
 * encoded once and copied; R1: the bytes are exactly those of avsc for `outputSchemas`.
 */
import type avsc from 'avsc'
import type { OutputSchemaIds } from '../features/app.js'
import type { Cause, Column, FeatureRows } from '../features/rows.js'
import { exactType } from './avro-values.js'
import { AvroWriter } from './avro-writer.js'
import { causes, outputSchemas, risks, type Risk } from './output-schemas.js'

/** The prefix of the log and the instant that a commit's rows are a function of. */
export interface Coordinates {
  readonly topic: string
  readonly partition: number
  /** Exclusive. */
  readonly endOffset: number
  readonly asOf: number
  readonly commit: number
}

export interface FeaturesRow extends Coordinates {
  readonly customer: string
  readonly cause: Cause
  /** null: never by time alone. */
  readonly validUntil: number | null
  readonly retired: boolean
  readonly eligible: boolean
  readonly featureSet: string
  readonly appHash: string
  readonly values: Readonly<Record<string, number | string | null>>
}

export interface ScoreRow extends Coordinates {
  readonly customer: string
  readonly cause: Cause
  readonly validUntil: number | null
  readonly bundle: ModelName
  readonly experiment: string | null
  readonly variant: string | null
  readonly probability: number | null
  readonly risk: Risk
  readonly decision: boolean | null
  readonly servedBy: { readonly name: string; readonly hash: string }
  readonly degraded: string | null
}

export interface ModelName {
  readonly name: string
  readonly version: string
  readonly hash: string
}

/** What a score row says beyond its coordinates. */
export interface ScoreFields {
  readonly probability: number | null
  readonly risk: Risk
  readonly decision: boolean | null
  readonly servedBy: { readonly name: string; readonly hash: string }
  readonly degraded: string | null
}

export interface RowLayout {
  readonly app: string
  readonly featureSet: string
  readonly appHash: string
  readonly columns: readonly Column[]
  readonly ids: OutputSchemaIds
  /** false: rows have no scores beside them. @default true */
  readonly scored?: boolean
}

function header(schemaId: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.writeUInt32BE(schemaId, 1)
  return bytes
}

/** A decoded row, whose fields are those of its schema. */
type Decoded = Record<string, never>

const asRecord = (value: unknown): Decoded => value as Decoded

interface RowTypes {
  readonly features: avsc.Type
  readonly scores: avsc.Type
}

/** Compiling them takes some ms, and each opening of a partition has rows of its own. */
const compiled = new WeakMap<RowLayout, RowTypes>()

function typesOf(layout: RowLayout): RowTypes {
  let types = compiled.get(layout)
  if (types === undefined) {
    const schemas = outputSchemas(layout.app, layout.columns)
    types = {
      features: exactType(schemas.features),
      scores: exactType(schemas.scores),
    }
    compiled.set(layout, types)
  }
  return types
}

/** Writes and reads the rows of one app. Not shared between partitions: it keeps a commit open. */
export class OutputRows {
  private readonly writer = new AvroWriter()
  private readonly featuresHeader: Buffer
  private readonly scoresHeader: Buffer
  private readonly featuresType: avsc.Type
  private readonly scoresType: avsc.Type
  private coordinates: Buffer = Buffer.alloc(0)
  private readonly set: Buffer
  private model: Buffer = Buffer.alloc(0)
  /** By object: the topology hands the same ones over and over. */
  private readonly served = new Map<object, Buffer>()

  constructor(readonly layout: RowLayout) {
    const types = typesOf(layout)
    this.featuresType = types.features
    this.scoresType = types.scores
    this.featuresHeader = header(layout.ids.features)
    this.scoresHeader = header(layout.ids.scores)
    this.writer.string(layout.featureSet)
    this.writer.raw(Buffer.from(layout.appHash, 'hex'))
    this.set = this.writer.take()
  }

  /** Opens a commit: its coordinates and the model in force hold for the rows that follow. */
  begin(at: Coordinates, model: ModelName | null): void {
    this.writer.string(at.topic)
    this.writer.long(at.partition)
    this.writer.time(at.endOffset)
    this.writer.time(at.asOf)
    this.writer.time(at.commit)
    this.coordinates = this.writer.take()
    if (model === null) return
    this.writer.string(model.name)
    this.writer.string(model.version)
    this.writer.raw(Buffer.from(model.hash, 'hex'))
    this.writer.byte(0)
    this.writer.byte(0)
    this.model = this.writer.take()
  }

  features(rows: FeatureRows, row: number): Buffer {
    const writer = this.writer
    writer.raw(this.featuresHeader)
    writer.string(rows.customers[row])
    writer.raw(this.coordinates)
    writer.raw(this.set)
    this.change(rows, row)
    writer.boolean(rows.retired[row])
    writer.boolean(rows.eligible[row])
    this.values(rows, row)
    return writer.take()
  }

  score(rows: FeatureRows, row: number, score: ScoreFields): Buffer {
    const writer = this.writer
    writer.raw(this.scoresHeader)
    writer.string(rows.customers[row])
    writer.raw(this.coordinates)
    writer.raw(this.model)
    this.change(rows, row)
    if (score.probability === null) writer.byte(0)
    else {
      writer.byte(2)
      writer.float(score.probability)
    }
    writer.byte(risks.indexOf(score.risk) * 2)
    if (score.decision === null) writer.byte(0)
    else {
      writer.byte(2)
      writer.boolean(score.decision)
    }
    writer.raw(this.servedBy(score.servedBy))
    if (score.degraded === null) writer.byte(0)
    else {
      writer.byte(2)
      writer.string(score.degraded)
    }
    return writer.take()
  }

  decodeFeatures(bytes: Uint8Array): FeaturesRow {
    const value = asRecord(this.featuresType.fromBuffer(Buffer.from(bytes).subarray(5)))
    return {
      ...decodedCoordinates(value),
      retired: value['retired'],
      eligible: value['eligible'],
      featureSet: value['feature_set'],
      appHash: hexOf(value['app_hash']),
      values: Object.fromEntries(
        this.layout.columns.map((column) => [column.name, asRecord(value['values'])[column.name]]),
      ),
    }
  }

  decodeScore(bytes: Uint8Array): ScoreRow {
    const value = asRecord(this.scoresType.fromBuffer(Buffer.from(bytes).subarray(5)))
    return {
      ...decodedCoordinates(value),
      bundle: {
        name: value['bundle_name'],
        version: value['bundle_version'],
        hash: hexOf(value['bundle_hash']),
      },
      experiment: value['experiment'],
      variant: value['variant'],
      probability: value['probability'],
      risk: value['risk'],
      decision: value['decision'],
      servedBy: { name: value['served_by'], hash: hexOf(value['served_by_hash']) },
      degraded: value['degraded'],
    }
  }

  private change(rows: FeatureRows, row: number): void {
    this.writer.byte(causes.indexOf(rows.causes[row]) * 2)
    const validUntil = rows.validUntil[row]
    if (validUntil === Infinity) this.writer.byte(0)
    else {
      this.writer.byte(2)
      this.writer.time(validUntil)
    }
  }

  private values(rows: FeatureRows, row: number): void {
    const writer = this.writer
    let number = row * rows.numericCount
    let text = row * rows.stringCount
    for (const column of rows.columns) {
      if (column.type === 'string') {
        const value = rows.strings[text++] ?? null
        if (value === null) writer.byte(0)
        else {
          writer.byte(2)
          writer.string(value)
        }
        continue
      }
      const value = rows.numbers[number++]
      if (value !== value) writer.byte(0)
      else {
        writer.byte(2)
        if (column.type === 'long') writer.long(value)
        else writer.double(value)
      }
    }
  }

  private servedBy(model: { readonly name: string; readonly hash: string }): Buffer {
    let bytes = this.served.get(model)
    if (bytes === undefined) {
      const own = new AvroWriter(256)
      own.string(model.name)
      own.raw(Buffer.from(model.hash, 'hex'))
      bytes = own.take()
      if (this.served.size > 64) this.served.clear()
      this.served.set(model, bytes)
    }
    return bytes
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function decodedCoordinates(value: Decoded) {
  return {
    customer: value['customer_id'] as string,
    topic: value['topic'] as string,
    partition: value['partition'] as number,
    endOffset: value['end_offset'] as number,
    asOf: value['as_of'] as number,
    commit: value['commit'] as number,
    cause: value['cause'] as Cause,
    validUntil: value['valid_until'] as number | null,
  }
}
