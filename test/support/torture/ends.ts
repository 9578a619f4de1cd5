/** The ends of partitions as their leaders say them, open transactions included or not. */
import { KafkaCluster } from '../../../src/log/kafka-cluster.js'
import { KafkaLane } from '../../../src/log/kafka-lane.js'
import { listOffsetsRequest } from '../../../src/log/kafka-requests.js'

export class Ends {
  private constructor(
    private readonly cluster: KafkaCluster,
    private readonly lane: KafkaLane,
  ) {}

  static async open(brokers: readonly string[], topics: readonly string[]): Promise<Ends> {
    const cluster = await KafkaCluster.connect({ brokers }, topics, 60_000)
    return new Ends(cluster, new KafkaLane(cluster.connector))
  }

  async of(topic: string, partition: number, which: 'stable' | 'high-watermark'): Promise<number> {
    const at = { topic, partition }
    const request = listOffsetsRequest([at], which)
    const [answer] = await this.cluster.sendToLeader(this.lane, at, request, (all) => all[0].error)
    return answer.offset
  }

  close(): void {
    this.lane.close()
    this.cluster.close()
  }
}
