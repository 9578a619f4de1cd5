/**
 * Marks a Parquet file's millisecond times as UTC.
 *
 * DuckDB writes times of a zone in microseconds only; in milliseconds it says that they have none.
 * The difference is one bit of the footer: `isAdjustedToUTC`, a boolean that Thrift's compact
 * protocol keeps in the field's own header, so that it can be set in place.
 *
 * Sources: parquet-format 2.11 `parquet.thrift` (SchemaElement, TimestampType); Apache Thrift,
 * "Compact protocol".
 */
import { open } from 'node:fs/promises'

/**
 * What follows a column's name in its schema element: converted type 9 (TIMESTAMP_MILLIS), logical
 * type 8 (TIMESTAMP), its field 1 false, its unit MILLIS.
 */
const withoutZone = Buffer.from([0x25, 0x12, 0x4c, 0x8c, 0x12, 0x1c, 0x1c])
const adjustedAt = 4
const adjustedTrue = 0x11

/** Throws where a column is not found exactly once: then the file is not as DuckDB 1.5 writes it. */
export async function markUtc(path: string, columns: readonly string[]): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { size } = await file.stat()
    const tail = Buffer.alloc(8)
    await file.read(tail, 0, 8, size - 8)
    const length = tail.readUInt32LE(0)
    const start = size - 8 - length
    const footer = Buffer.alloc(length)
    await file.read(footer, 0, length, start)
    for (const column of columns) {
      const element = Buffer.concat([named(column), withoutZone])
      const at = footer.indexOf(element)
      if (at < 0 || footer.includes(element, at + 1)) {
        throw new Error(`column ${column} is not a time in milliseconds, once, in ${path}`)
      }
      const bit = at + element.length - withoutZone.length + adjustedAt
      await file.write(Buffer.from([adjustedTrue]), 0, 1, start + bit)
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Field 4 of a schema element, behind field 3: its name as length and bytes. */
function named(column: string): Buffer {
  return Buffer.concat([Buffer.from([0x18, column.length]), Buffer.from(column)])
}
