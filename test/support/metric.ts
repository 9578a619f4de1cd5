/** The sum of a counter or gauge over all its labels, as `url` tells of it; 0 where it does not. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => /^[^{ ]*/.exec(line)![0] === name)
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
