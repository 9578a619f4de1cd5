/** Where the parts of the picture stand: in a row on a wide screen, in a column on a narrow one. */

/** Each part: what it is called, what it does. The first line of them is the way of a record. */
export const PARTS = {
  log: ['log', 'records in'],
  decode: ['decode', 'bytes to events'],
  judge: ['judge', 'rules and order'],
  aggregate: ['aggregate', 'into windows'],
  commit: ['commit', 'rows at one instant'],
  score: ['score', 'the model'],
  outputs: ['outputs', 'features and scores'],
  snapshots: ['snapshots', 'newest of each'],
  rejects: ['rejects', 'with their reasons'],
  duplicates: ['duplicates', 'dropped'],
  late: ['late', 'not used'],
  timers: ['timers', 'time has passed'],
}

const WAY = ['log', 'decode', 'judge', 'aggregate', 'commit', 'score']

/** Edges by name: from where, to where. */
export const EDGES = {
  records: ['log', 'decode'],
  decoded: ['decode', 'judge'],
  accepted: ['judge', 'aggregate'],
  touched: ['aggregate', 'commit'],
  rows: ['commit', 'score'],
  outputs: ['score', 'outputs'],
  snapshots: ['score', 'snapshots'],
  undecoded: ['decode', 'rejects'],
  refused: ['judge', 'rejects'],
  duplicates: ['judge', 'duplicates'],
  late: ['judge', 'late'],
  due: ['timers', 'commit'],
}

/** A row, 1118 wide. */
export function wide() {
  const box = { width: 128, height: 50 }
  const at = {}
  WAY.forEach((name, index) => (at[name] = { x: 2 + index * 156, y: 104 }))
  at.outputs = { x: 988, y: 60 }
  at.snapshots = { x: 988, y: 148 }
  at.timers = { x: at.commit.x, y: 4 }
  at.rejects = { x: 100, y: 218 }
  at.duplicates = { x: 314, y: 218 }
  at.late = { x: 470, y: 218 }
  return { width: 1118, height: 272, box, at, isWide: true }
}

/** A column, 340 wide: what leaves the way does so to the right. */
export function narrow() {
  const box = { width: 136, height: 48 }
  const right = 202
  const at = {}
  WAY.forEach((name, index) => (at[name] = { x: 2, y: 2 + index * 92 }))
  at.rejects = { x: right, y: 48 }
  at.duplicates = { x: right, y: 140 }
  at.late = { x: right, y: 232 }
  at.timers = { x: right, y: at.commit.y }
  at.outputs = { x: 2, y: 554 }
  at.snapshots = { x: right, y: 554 }
  return { width: 340, height: 604, box, at, isWide: false }
}
