/** The servers of a torture: those that the environment names, else started here and stopped again. */
import { KafkaBroker } from '../kafka-broker.js'
import { RedisServer } from '../redis-server.js'

export interface ServerNeeds {
  /** Whether they must be ours, to be killed; else those of KAFKA_BROKERS and REDIS_URL will do. */
  readonly own?: boolean
  /** A broker that somebody else has started, where the environment names none. */
  readonly brokers?: readonly string[]
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
  static async open({
    own = false,
    advertised,
    brokers: shared,
  }: ServerNeeds = {}): Promise<Servers> {
    const kafka = own ? undefined : (process.env['KAFKA_BROKERS']?.split(',') ?? shared)
    const redisUrl = own ? undefined : process.env['REDIS_URL']
    const proxied = advertised === undefined ? {} : { advertised }
    const broker = kafka === undefined ? await KafkaBroker.start({}, proxied) : null
    try {
      const redis = redisUrl === undefined ? await RedisServer.start({ isShared: true }) : null
      return new Servers([...(kafka ?? [broker!.brokers])], redisUrl ?? redis!.url, broker, redis)
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
