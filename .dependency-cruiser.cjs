/**
 * Imports point down:
 *
 *   main, cli                                            build real things
 *   topology, serving, replay, ingest, monitoring        run them
 *   operators                                            the vocabulary
 *   events, features, ports (log, state, snapshots, scoring)
 *   errors and the other single files at the top of src/
 *
 * Beside them: adapters (LevelDB, ONNX, later Kafka and Redis), which only main, cli and embedded (the
 * composition root of who builds on the package) import, and
 * apps/, written as a user would write one. Tests and benches are not cruised: they may import all.
 */
const FLOOR = '^src/(?!main\\.ts$|index\\.ts$)[^/]+\\.ts$'
const ADAPTERS =
  '^src/(log/(embedded|shared|kafka|archive)|state/level-store|snapshots/(level-snapshots|redis)|scoring/onnx|schemas/confluent)'
const PORTS = '^src/(log|state|snapshots|scoring|schemas)/'
const BASE = '^src/(events|features|log|state|snapshots|scoring|schemas)/'
const OPERATORS = '^src/operators/'
const ENGINE = '^src/(topology|serving|replay|ingest|monitoring)/'
const CONFIG = '^src/config/'
const APPS = '^src/apps/'
const EMBEDDED = '^src/embedded/'
const ROOT = '^src/(cli/|main\\.ts$)'

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Two files that need each other are one idea, or a third one is missing.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import that cannot be found would also escape every rule below.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'floor-imports-nothing-of-ours',
      severity: 'error',
      from: { path: FLOOR },
      to: { path: '^src/', pathNot: FLOOR },
    },
    {
      name: 'base-imports-base',
      comment: 'events, features and ports import each other and the floor.',
      severity: 'error',
      from: { path: BASE },
      to: { path: '^src/', pathNot: [BASE, FLOOR] },
    },
    {
      name: 'operators-import-down',
      severity: 'error',
      from: { path: OPERATORS },
      to: { path: '^src/', pathNot: [OPERATORS, BASE, FLOOR] },
    },
    {
      name: 'engine-imports-down',
      severity: 'error',
      from: { path: ENGINE },
      to: { path: '^src/', pathNot: [ENGINE, OPERATORS, BASE, FLOOR] },
    },
    {
      name: 'config-is-read-at-the-root',
      comment: 'Whoever is configured is handed values, and does not know where they came from.',
      severity: 'error',
      from: { path: '^src/', pathNot: [ROOT, CONFIG] },
      to: { path: CONFIG },
    },
    {
      name: 'config-imports-down',
      severity: 'error',
      from: { path: CONFIG },
      to: { path: '^src/', pathNot: [CONFIG, BASE, FLOOR] },
    },
    {
      name: 'apps-import-what-a-user-can',
      comment: 'The built-in app proves that the public surface is enough.',
      severity: 'error',
      from: { path: APPS },
      to: { path: '^src/', pathNot: [APPS, '^src/(features|events)/', '^src/index\\.ts$'] },
    },
    {
      name: 'engine-knows-no-app',
      severity: 'error',
      from: { path: '^src/', pathNot: [ROOT, APPS] },
      to: { path: APPS },
    },
    {
      name: 'index-imports-no-cli',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: ROOT },
    },
    {
      name: 'adapters-only-at-the-root',
      comment: 'Above the ports nothing may know which technology is below them.',
      severity: 'error',
      from: { path: '^src/', pathNot: [ROOT, EMBEDDED, ADAPTERS] },
      to: { path: ADAPTERS },
    },
    {
      name: 'adapter-packages-only-in-adapters',
      severity: 'error',
      from: { path: '^src/', pathNot: ADAPTERS },
      to: {
        path: '(^|/)node_modules/(classic-level|onnxruntime-node|kafkajs|ioredis|@confluentinc/[^/]+)/',
      },
    },
    {
      name: 'pure-layers-do-no-io',
      comment: 'What reads the world cannot be replayed; hashing and assertions can.',
      severity: 'error',
      from: { path: ['^src/features/', OPERATORS] },
      to: {
        dependencyTypes: ['core'],
        pathNot: '^(node:)?(assert|assert/strict|buffer|crypto|util)$',
      },
    },
    {
      name: 'features-know-no-rx',
      severity: 'error',
      from: { path: '^src/features/' },
      to: { path: '(^|/)node_modules/rxjs/' },
    },
    {
      name: 'ports-know-no-web',
      severity: 'error',
      from: { path: PORTS },
      to: { path: '(^|/)node_modules/(fastify|@fastify/[^/]+|commander)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Types count: a port that names an adapter's type is bound to that adapter.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
