/**
 * The guide's pages, followed as a reader would: files are written, commands run in their order, and
 * what a page says that they print is looked for. Drawings stand in blocks without a language.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../support/free-port.js'
import { type Block, blocksOf } from './markdown.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = readdirSync(join(root, 'docs/guide')).sort()
/** What a clone has, after `npm ci` and `npm run build`. */
const linked = 'node_modules dist src scripts examples schemas bundles'.split(' ')

let folder = ''

beforeAll(async () => {
  if (!existsSync(join(root, 'dist'))) throw new Error('there is no dist: npm run build makes it')
  folder = await mkdtemp(join(tmpdir(), 'tidemark-guide-'))
  for (const name of linked) await symlink(join(root, name), join(folder, name))
  for (const name of ['package.json', 'tsconfig.json']) {
    await copyFile(join(root, name), join(folder, name))
  }
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'bin/npx'), shortNpx, { mode: 0o755 })
})

/** That `npx tidemark` finds the program is tested with the README's commands; npx itself is slow. */
const shortNpx = `#!/bin/sh
name=$1
shift
if [ "$name" = tidemark ]; then exec node dist/src/main.js "$@"; fi
exec "node_modules/.bin/$name" "$@"
`
const env = () => ({ ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH']}` })

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs commands in a shell that stops at the first failure, and tells all that they print. */
function run(commands: string): Promise<{ code: number | null; output: string }> {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', commands], { cwd: folder, env: env() })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => (output += bytes.toString()))
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}

/** A command that goes on until it is stopped, as Ctrl-C does; its group is its own. */
function running(command: string): () => Promise<void> {
  const child = spawn('bash', ['-c', `exec ${command}`], {
    cwd: folder,
    env: env(),
    detached: true,
    stdio: 'ignore',
  })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  return () => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGINT')
    return ended
  }
}

const isEndless = ({ text }: Block) =>
  text.startsWith('npx tidemark start ') && !text.includes('--exit-when-done')

/** The file that the first line of a block names. */
async function write({ text }: Block): Promise<void> {
  const path = /^\/\/ ([\w./-]+\.ts)\n/.exec(text)?.[1]
  if (path === undefined) throw new Error(`a block does not name its file: ${text}`)
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), text)
}

/** Follows a page; answers the lines that were promised and did not come. */
async function follow(blocks: readonly Block[]): Promise<string[]> {
  const missing: string[] = []
  let printed = ''
  for (const block of blocks) {
    if (block.language === 'ts') await write(block)
    else if (block.language === 'sh' && isEndless(block)) onTestFinished(running(block.text))
    else if (block.language === 'sh') {
      const { code, output } = await run(block.text)
      if (code !== 0) throw new Error(`${block.text} ended with ${code}: ${output}`)
      printed = output
    } else if (block.language === 'text') {
      const lines = block.text.trim().split('\n')
      missing.push(...lines.filter((line) => !printed.includes(line)))
    }
  }
  return missing
}

describe('the guide', () => {
  it('links its pages in their order', () => {
    const guide = readFileSync(join(root, 'docs/GUIDE.md'), 'utf8')
    const linkedPages = [...guide.matchAll(/^\d\. \[.*?\]\(guide\/([\w.-]+)\)/gm)]
    expect(linkedPages.map(([, name]) => name)).toEqual(pages)
  })

  it.for(pages)('%s does what it says', { timeout: 300_000 }, async (page) => {
    const text = await withFreePorts(readFileSync(join(root, 'docs/guide', page), 'utf8'))
    const blocks = blocksOf(text)
    const languages = new Set(blocks.map(({ language }) => language))
    expect([...languages].filter((name) => !['', 'sh', 'ts', 'text'].includes(name))).toEqual([])
    expect(await follow(blocks)).toEqual([])
  })
})

/** A port that the page names may be taken here. */
async function withFreePorts(text: string): Promise<string> {
  const named = new Set([...text.matchAll(/--port ([1-9]\d*)/g)].map(([, port]) => port))
  let replaced = text
  for (const port of named) replaced = replaced.replaceAll(port, String(await freePort()))
  return replaced
}
