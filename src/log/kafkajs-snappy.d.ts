/** The package has no types of its own. */
declare module 'kafkajs-snappy' {
  export default function codec(): {
    decompress(packed: Buffer): Promise<Buffer>
  }
}
