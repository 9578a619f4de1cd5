/** Keys of Kafka's protocol, of the requests that a transaction consists of. */
export const apiKeys = { produce: 0, initProducerId: 22, addPartitions: 24, endTxn: 26 } as const
