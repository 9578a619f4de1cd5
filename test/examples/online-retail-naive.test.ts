import { describe, expect, it } from 'vitest'
import { featureSet } from '../../examples/online-retail/features.js'
import { compile } from '../../src/features/compile.js'
import { differences } from '../support/differences.js'
import { judgeAll, replayRows } from '../support/engine-loop.js'
import { NaiveLog } from '../support/naive.js'
import {
  hasOnlineRetail,
  onlineRetailCutoffs,
  onlineRetailDeclaration,
  onlineRetailFile,
  onlineRetailRecords,
} from '../support/online-retail.js'

const { spec, schemas } = featureSet
const { eligible } = onlineRetailDeclaration

describe.skipIf(!hasOnlineRetail)(`Online Retail (skipped without ${onlineRetailFile})`, () => {
  it(
    'the engine has the naive values in all rows of ten cut-offs',
    { timeout: 300_000 },
    async () => {
      const records = await onlineRetailRecords()
      const naive = new NaiveLog(records, onlineRetailDeclaration)
      const engine = compile({ features: spec, schemas, eligible, rules: [] })
      const judgements = judgeAll(engine, records)
      const other = judgements.filter(({ verdict }, i) => verdict !== naive.decisions[i].outcome)
      expect(other).toEqual([])

      const due = onlineRetailCutoffs.flatMap((asOf) => naive.cutoff(asOf, 'known'))
      const rows = replayRows(engine, judgements, due, 'known')
      const wrong = due.flatMap(({ customer, asOf, values, eligible, retired }, i) => {
        const found = differences(spec, rows[i].values, values)
        if (rows[i].eligible !== eligible || rows[i].retired !== retired) found.push('flags')
        return found.map((text) => `${customer} at ${asOf}: ${text}`)
      })
      expect(wrong).toEqual([])
      expect(due).toHaveLength(19_420)
    },
  )
})
