/** The lines between the parts of the picture, and where their figures stand. */

const GAP = 3

/** An SVG path from the border of one box to that of another. */
export function edgePath([from, to], { at, box, isWide }) {
  const [a, b] = [at[from], at[to]].map(({ x, y }) => middleOf(x, y, box))
  if (a.y === b.y) return straight(a, b, box.width / 2, 'x')
  if (a.x === b.x) return straight(a, b, box.height / 2, 'y')
  if (isWide && to !== 'outputs' && to !== 'snapshots') {
    // Down from the middle of one to the side of the middle of the other.
    const [start, end] = [a.y + box.height / 2 + GAP, b.y - box.height / 2 - GAP]
    const half = (start + end) / 2
    return `M${a.x} ${start}C${a.x} ${half} ${b.x} ${half} ${b.x} ${end}`
  }
  if (!isWide && to === 'snapshots') {
    const [x, y] = [b.x, b.y - box.height / 2 - GAP]
    return `M${a.x + box.width / 2 + GAP} ${a.y}C${x} ${a.y} ${x} ${a.y} ${x} ${y}`
  }
  const [start, end] = [a.x + box.width / 2 + GAP, b.x - box.width / 2 - GAP]
  const half = (start + end) / 2
  return `M${start} ${a.y}C${half} ${a.y} ${half} ${b.y} ${end} ${b.y}`
}

/** Beside the line, so that both can be read. */
export function labelPlace([from, to], { at, box, isWide }) {
  const [a, b] = [at[from], at[to]].map(({ x, y }) => middleOf(x, y, box))
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2]
  if (a.x === b.x && isWide) return { x: x - 8, y: y + 4, 'text-anchor': 'end' }
  if (a.x === b.x) return { x: x + 8, y: y + 4, 'text-anchor': 'start' }
  if (isWide) {
    if (a.y === b.y) return { x, y: a.y - box.height / 2 - 10, 'text-anchor': 'middle' }
    return { x, y: y + 4, 'text-anchor': 'middle' }
  }
  if (a.y === b.y) return { x, y: y - box.height / 2 - 7, 'text-anchor': 'middle' }
  if (to === 'snapshots') return { x: b.x - 10, y: y + 4, 'text-anchor': 'end' }
  return { x, y: y - 8, 'text-anchor': 'middle' }
}

function straight(a, b, half, axis) {
  const sign = b[axis] > a[axis] ? 1 : -1
  const start = { ...a, [axis]: a[axis] + sign * (half + GAP) }
  const end = { ...b, [axis]: b[axis] - sign * (half + GAP) }
  return `M${start.x} ${start.y}L${end.x} ${end.y}`
}

function middleOf(x, y, { width, height }) {
  return { x: x + width / 2, y: y + height / 2 }
}
