/** A drink costs something, and not more than a round for all. */
import { range, rules as declareRules } from 'tidemark'
import { customerEvents } from './schemas.gen.js'

export const rules = declareRules(customerEvents, ({ on }) => [range(on.visit.amount, 0.5, 500)])
