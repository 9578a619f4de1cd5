import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    // Tests and examples import the library by its name and get the sources, not a stale build.
    alias: [
      {
        find: /^tidemark$/,
        replacement: fileURLToPath(new URL('./src/index.ts', import.meta.url)),
      },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Minutes each: `npm run test:whole`.
    exclude: [...configDefaults.exclude, 'test/whole/**'],
    // Starts nothing: it offers a broker to the files that ask for one.
    globalSetup: ['test/support/shared-broker.ts'],
    // Forks, not threads: native addons (LevelDB, ONNX, DuckDB) and `process` are then each test's own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A machine may be slow: what is waited for is bounded by the test's own time.
    expect: { poll: { timeout: 25_000 } },
  },
})
