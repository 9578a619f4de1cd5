import type { KafkaCluster } from './kafka-cluster.js'
import { BrokerRefusal } from './kafka-errors.js'
import { describeGroupRequest } from './kafka-group-requests.js'

/** How many processes are members of a group; who has died is one until his session ends. */
export function groupMembers(cluster: KafkaCluster, groupId: string): Promise<number> {
  return cluster.persist(`members of group ${groupId}`, async () => {
    const place = await cluster.coordinator(groupId, 'group')
    try {
      const { error, members } = await cluster.control.send(place, describeGroupRequest(groupId))
      if (error !== 0) throw new BrokerRefusal(error, `members of group ${groupId}`)
      return members
    } catch (failure) {
      cluster.forgetCoordinator(groupId, 'group')
      throw failure
    }
  })
}
