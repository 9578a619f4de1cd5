/** The servers of a torture: those that the environment names, else started here and stopped again. */
import { KafkaBroker } from '../kafka-broker.js'
import { RedisServer } from '../redis-server.js'

export interface ServerNeeds {
  /** Whether they must be ours, to be killed; else those of KAFKA_BROKERS and REDIS_URL will do. */
  readonly own?: boolean
  /** Port of a proxy, whose clients are told its address; the broker must be ours then. */
  readonly advertised?: number
}

export class Servers {
  private constructor(
    readonly brokers: string[],
    readonly redisUrl: string,
    /** null: they are not ours. */
    readonly broker: KafkaBroker | null,
    readonly redis: RedisServer | null,
  ) {}

  /** @throws Error with one sentence that says what to install */
  static async open({ own = false, advertised }: ServerNeeds = {}): Promise<Servers> {
    const given = own
      ? {}
      : { kafka: process.env['KAFKA_BROKERS'], redis: process.env['REDIS_URL'] }
    const broker = given.kafka
      ? null
      : await KafkaBroker.start({}, advertised === undefined ? {} : { advertised })
    try {
      const redis = given.redis ? null : await RedisServer.start({ isShared: true })
      const brokers = (given.kafka || broker!.brokers).split(',')
      return new Servers(brokers, given.redis || redis!.url, broker, redis)
    } catch (error) {
      await broker?.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.redis?.stop()
    await this.broker?.stop()
  }
}
