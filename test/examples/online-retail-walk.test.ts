/**
 * A tenth of Online Retail through the commands that its README shows; all of it, with the README's
 * figures, is in `test/whole/`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { onlineRetailFile } from '../support/online-retail.js'
import { walkOnlineRetail } from './retail-walk.js'

const real = fileURLToPath(new URL(`../../${onlineRetailFile}`, import.meta.url))
/** The customer is the last column but one; his number is written with a fraction. */
const ofTenthCustomer = /,\d*0\.0,[^,]+$/
const ofNobody = /,,[^,]+$/

/** The lines of customers whose number ends with 0, and each tenth of those without a customer. */
function writeTenth(path: string): void {
  const [header, ...lines] = gunzipSync(readFileSync(real)).toString('utf8').trimEnd().split('\n')
  let nobodys = 0
  const tenth = lines.filter((line) =>
    ofNobody.test(line) ? nobodys++ % 10 === 0 : ofTenthCustomer.test(line),
  )
  writeFileSync(path, gzipSync(`${[header, ...tenth].join('\n')}\n`, { level: 1 }))
}

walkOnlineRetail({
  name: 'a tenth of it',
  write: writeTenth,
  lines: 49_886,
  nameless: 13_508,
  cancellations: 742,
  customers: 445,
  priced: 4,
  judged: 220,
  rowsMin: 1_500,
  aucMin: 0.65,
  kills: ['log.in-sync:kill:4', 'ingest.after-commit:kill:3'],
  resumedBeyond: 30_000,
  firstAt: Date.UTC(2010, 11, 1, 8, 26),
  lastAt: Date.UTC(2011, 11, 9, 12, 50),
})
