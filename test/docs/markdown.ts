/** The parts of a Markdown file that the tests of the documents look at. */

export interface Block {
  /** What follows the opening fence: `sh`, `ts`, or nothing. */
  readonly language: string
  readonly text: string
}

/** @example blocksOf('```sh\nls\n```\n') // [{ language: 'sh', text: 'ls\n' }] */
export function blocksOf(markdown: string): Block[] {
  const fenced = /^```(\w*)\n([\s\S]*?)^```$/gm
  return [...markdown.matchAll(fenced)].map(([, language, text]) => ({
    language,
    text,
  }))
}

/** Everything outside of fenced blocks. */
export function proseOf(markdown: string): string {
  return markdown.replace(/^```\w*\n[\s\S]*?^```$/gm, '')
}

/** Targets of links, as they are written. */
export function linksOf(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target)
}

/** The anchors that GitHub gives to headings. */
export function anchorsOf(markdown: string): string[] {
  return [...proseOf(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}
