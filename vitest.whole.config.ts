import { mergeConfig } from 'vitest/config'
import base from './vitest.config.js'

/** Tests over whole files of real data, minutes each: `npm run test:whole`. */
export default mergeConfig(
  { ...base, test: { ...base.test, include: [], exclude: [] } },
  {
    test: { include: ['test/whole/**/*.test.ts'] },
  },
)
