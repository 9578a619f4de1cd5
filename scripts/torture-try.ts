import { Servers } from '../test/support/torture/servers.js'
import { storm } from '../test/support/torture/storm.js'
const servers = await Servers.open()
try {
  const t = performance.now()
  const end = await storm({ seed: Number(process.argv[2] ?? 1), servers, times: Number(process.argv[3] ?? 1), say: console.log })
  console.log((performance.now() - t) / 1000, end)
} finally { await servers.stop() }
