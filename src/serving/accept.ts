/**
 * Whether an `Accept` header takes one media type (RFC 9110, 12.5.1): the most specific range that
 * matches decides, and a quality of 0 refuses. No header takes everything.
 *
 * @example accepts('text/html, application/*;q=0.8', 'application/json') // true
 */
export function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined || header.trim() === '') return true
  const [family] = type.split('/')
  let specificity = -1
  let accepted = false
  for (const range of header.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const rank = [`*/*`, `${family}/*`, type].indexOf(name)
    if (rank <= specificity) continue
    specificity = rank
    const quality = parameters.find((parameter) => parameter.startsWith('q='))
    accepted = quality === undefined || Number(quality.slice(2)) > 0
  }
  return accepted
}
