/** `tidemark topics`: the topics of an app on Kafka. */
import type { Command } from 'commander'
import { topicsOf } from '../log/log.js'
import { createTopicSetup, singleCopyWarning } from '../log/kafka-topic-setup.js'
import { newTopicPlans } from '../log/kafka-topic-plan.js'
import { configFlag, configOf } from './config.js'
import { kafkaConnection } from './connections.js'
import { wholeNumber } from './flags.js'
import type { CliIo } from './io.js'
import { loadApp } from './load-app.js'

interface Flags {
  readonly config: string
  readonly partitions?: number
  readonly replication?: number
  readonly json?: boolean
}

export function topicsCommand(program: Command, io: CliIo): void {
  const topics = program.command('topics').description('the topics of an app on Kafka')
  topics
    .command('create')
    .description('create the topics that are missing; refuse where one that is there is unsuitable')
    .addOption(configFlag())
    .option(
      '--partitions <n>',
      'of each topic, for ever (default: as many as the input has)',
      wholeNumber('a number of partitions', 1, 10_000),
    )
    .option(
      '--replication <n>',
      "copies of each partition (default: the brokers' own)",
      wholeNumber('a number of copies', 1, 100),
    )
    .option('--json', 'what was created and found, as JSON on stdout')
    .action((flags: Flags) => runTopicsCreate(flags, io))
}

/** Raises what `loadConfig`, `loadApp` and `createTopicSetup` raise. */
export async function runTopicsCreate(flags: Flags, io: CliIo): Promise<void> {
  const { config, folder } = await configOf(flags, io)
  const { app } = await loadApp(config.app, folder)
  const { topicPrefix, timeBase } = config.kafka
  const plans = newTopicPlans(topicsOf(`${topicPrefix}${app.name}`), { kind: timeBase })
  const { partitions = null, replication = null } = flags
  const options = { ...kafkaConnection(config), plans }
  const setup = await createTopicSetup(options, { partitions, replication })
  if (setup.single.length > 0) io.err(`warning: ${singleCopyWarning(setup.single)}\n`)
  if (flags.json) {
    io.out(`${JSON.stringify(setup)}\n`)
    return
  }
  for (const topic of setup.found) io.out(`${topic}: is there, and suits\n`)
  for (const topic of setup.created) io.out(`${topic}: created\n`)
  io.out(`${setup.partitions} partitions each\n`)
}
