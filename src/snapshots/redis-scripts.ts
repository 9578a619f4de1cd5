/** What has to happen in one piece on the server: Lua, each key in the slot that it is sent to. */
import { createHash } from 'node:crypto'

export interface RedisScript {
  readonly text: string
  readonly sha: string
}

const script = (text: string): RedisScript => ({
  text,
  sha: createHash('sha1').update(text).digest('hex'),
})

/** The fields of a customer's hash, in the order of the script's arguments. */
export const rowFields = [
  'version',
  'partition',
  'asOf',
  'validUntil',
  'retired',
  'score',
  'risk',
  'model',
  'features',
  'featuresRecord',
  'scoreRecord',
] as const

/** Behind the fields of each row: the scores of its days, see `putRows`. */
const rowArguments = rowFields.length + 1
const featuresPlace = rowFields.indexOf('features') + 1
const fieldArguments = rowFields.map((field, place) => `'${field}', ARGV[at + ${place + 1}]`)

/**
 * Puts rows, one a key, each only over an older version (N1). Arguments: seconds that a tombstone
 * stays, then the fields of each row; one without features is a tombstone (N2). The last of a row is
 * the scores of its days (`daysText`), which are put behind those that are stored; '!' before them:
 * and take their place. Answers these days for each row that is there now, for others '-'.
 */
export const putRows = script(`
local function withScores(held, added)
  local days = {}
  if string.sub(added, 1, 1) == '!' then held = '' end
  for _, text in ipairs({ held, added }) do
    for day, score in string.gmatch(text, '(%d+):(%S+)') do
      local last = days[#days]
      if last and last[1] == day then last[2] = score
      elseif not last or tonumber(last[1]) < tonumber(day) then
        days[#days + 1] = { day, score }
        if #days > 3 then table.remove(days, 1) end
      end
    end
  end
  for i, pair in ipairs(days) do days[i] = pair[1] .. ':' .. pair[2] end
  return table.concat(days, ' ')
end
local replies = {}
for i = 1, #KEYS do
  local at = 1 + (i - 1) * ${rowArguments}
  local held = redis.call('HMGET', KEYS[i], 'version', 'erased', 'scoreDays')
  replies[i] = '-'
  if held[1] and tonumber(held[1]) == tonumber(ARGV[at + 1]) then
    replies[i] = held[3] or ''
  elseif not held[1] or tonumber(held[1]) < tonumber(ARGV[at + 1]) then
    replies[i] = ''
    if ARGV[at + ${featuresPlace}] == '' then
      redis.call('DEL', KEYS[i])
      redis.call('HSET', KEYS[i], 'version', ARGV[at + 1], 'partition', ARGV[at + 2], 'erased', '1')
      redis.call('EXPIRE', KEYS[i], ARGV[1])
    else
      if held[2] then redis.call('DEL', KEYS[i]) end
      replies[i] = withScores(held[3] or '', ARGV[at + ${rowArguments}])
      redis.call('HSET', KEYS[i], ${fieldArguments.join(', ')}, 'scoreDays', replies[i])
    end
  end
end
return replies
`)

/**
 * Adds changes to histories, one a key, newest first: each to its place by its commit, once, and
 * none from before an erasure. An element is the commit, a colon, and the change; nothing behind the
 * colon is an erasure. Arguments: how many are kept, seconds that an erasure stays; then for each key
 * how many elements, and these, oldest first, of which only the first may be an erasure.
 *
 * The part of a history that is not older than the first element is taken off, and put back with
 * them: of what comes in order, nothing; of a hundred that are put again, these once and not each.
 */
export const addChanges = script(`
local function commitOf(element) return tonumber(string.match(element, '^%d+')) end
local function isErasure(element)
  return string.byte(element, -1) == 58 and string.match(element, '^%d+:$') ~= nil
end
-- Of what is kept of a customer, what is not older than a commit, with the commits of that; and the
-- commit of the erasure that it ends with there, or -1.
local function notOlder(key, first)
  local newer, commits = {}, {}
  local head = redis.call('LINDEX', key, 0)
  if not head or (commitOf(head) < first and not isErasure(head)) then return newer, commits, -1 end
  local from, size = 0, 4
  while true do
    local some = redis.call('LRANGE', key, from, from + size - 1)
    for _, held in ipairs(some) do
      local commit = commitOf(held)
      if isErasure(held) then return newer, commits, commit end
      if commit < first then return newer, commits, -1 end
      newer[#newer + 1] = held
      commits[#commits + 1] = commit
    end
    if #some < size then return newer, commits, -1 end
    from, size = from + size, size * 4
  end
end
local function merged(newer, commits, added)
  local all = {}
  local at = #newer
  for _, element in ipairs(added) do
    local commit = commitOf(element)
    while at > 0 and commits[at] < commit do
      all[#all + 1] = newer[at]
      at = at - 1
    end
    if at == 0 or commits[at] > commit then all[#all + 1] = element end
  end
  for rest = at, 1, -1 do all[#all + 1] = newer[rest] end
  return all
end
local kept = tonumber(ARGV[1])
local at = 3
for i = 1, #KEYS do
  local key = KEYS[i]
  local count = tonumber(ARGV[at])
  local newer, commits, erased = notOlder(key, commitOf(ARGV[at + 1]))
  local added = {}
  for j = at + 1, at + count do
    if erased < 0 or commitOf(ARGV[j]) > erased then added[#added + 1] = ARGV[j] end
  end
  local all = #newer == 0 and added or merged(newer, commits, added)
  if #all > #newer then
    if isErasure(all[1]) then redis.call('DEL', key)
    elseif #newer > 0 then redis.call('LTRIM', key, #newer, -1) end
    local length = redis.call('LPUSH', key, unpack(all))
    if isErasure(all[#all]) then redis.call('EXPIRE', key, ARGV[2])
    elseif erased >= 0 then redis.call('PERSIST', key) end
    if length > kept then redis.call('LTRIM', key, 0, kept - 1) end
  end
  at = at + 1 + count
end
return 'ok'
`)

/**
 * Begins the record of a partition anew: nothing is known to be here. Arguments: the life's token,
 * the servers that it holds for, the log that the rows are of, and how many partitions that has.
 */
export const beginRecord = script(`
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'life', ARGV[1], 'servers', ARGV[2], 'log', ARGV[3],
  'partitions', ARGV[4])
return 'ok'
`)

/**
 * Moves a partition's record forward, never back. Arguments: the life's token, the commit up to
 * which the caller was told that all is here ('-1': none); cursor: commit, featuresOffset,
 * scoresOffset ('-1': leave it); proof: commit, asOf, endOffset, caughtUp. Answers `life` where
 * the record is of another life or gone, `back` where it is behind what the caller was told.
 */
export const saveRecord = script(`
local held = redis.call('HMGET', KEYS[1], 'life', 'cursorCommit', 'featuresOffset', 'commit')
if held[1] ~= ARGV[1] then return 'life' end
local cursor = tonumber(held[2] or '-1')
if cursor < tonumber(ARGV[2]) then return 'back' end
local due = tonumber(ARGV[3])
if due > cursor or (due == cursor and tonumber(ARGV[4]) > tonumber(held[3] or '-1')) then
  redis.call('HSET', KEYS[1], 'cursorCommit', ARGV[3], 'featuresOffset', ARGV[4],
    'scoresOffset', ARGV[5])
end
if tonumber(ARGV[6]) >= tonumber(held[4] or '-1') then
  redis.call('HSET', KEYS[1], 'commit', ARGV[6], 'asOf', ARGV[7], 'endOffset', ARGV[8],
    'caughtUp', ARGV[9])
end
return 'ok'
`)

/** Deletes rows, each only of the version that it is known to be of; answers which, from 1 on. */
export const dropRows = script(`
local dropped = {}
for i = 1, #KEYS do
  if redis.call('HGET', KEYS[i], 'version') == ARGV[i] then
    redis.call('UNLINK', KEYS[i])
    dropped[#dropped + 1] = i
  end
end
return dropped
`)

/** Does to a key of its own what all others do to theirs, for who asks whether he may. */
export const tryOut = script(`
redis.call('DEL', KEYS[1])
redis.call('LPUSH', KEYS[1], 'b')
redis.call('LPUSH', KEYS[1], redis.call('LINDEX', KEYS[1], 0))
redis.call('LTRIM', KEYS[1], 0, #redis.call('LRANGE', KEYS[1], 0, -1) - 1)
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], 'version', redis.call('HGET', KEYS[1], 'version') or '1')
redis.call('HMGET', KEYS[1], 'version', 'erased')
redis.call('EXPIRE', KEYS[1], 10)
redis.call('PERSIST', KEYS[1])
redis.call('DEL', KEYS[1])
return 'ok'
`)

export const scripts: readonly RedisScript[] = [
  putRows,
  addChanges,
  beginRecord,
  saveRecord,
  dropRows,
  tryOut,
]
