import { exitCode, TidemarkError } from '../errors.js'
import { instantText } from './texts.js'

/** Nobody of this name has been seen (before an instant, where one is said), or he was erased. */
export function customerNotFound(customer: string, asOf?: number): TidemarkError {
  const before = asOf === undefined ? '' : ` before ${instantText(asOf)}`
  const text = `no event of customer ${JSON.stringify(customer)} was seen${before}`
  return new TidemarkError('CUSTOMER_NOT_FOUND', text, { exit: exitCode.io })
}
