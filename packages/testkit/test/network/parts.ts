/** Parts of a network for the tests of single parts. */
import * as Address from "@coterie/core/Address"
import * as Result from "effect/Result"
import * as Draws from "../../src/kernel/Draws.ts"
import { ConditionCounters } from "../../src/network/ConditionCounters.ts"
import { Conditions } from "../../src/network/Conditions.ts"
import { Direction } from "../../src/network/Direction.ts"
import type { Host, TransportInstance } from "../../src/network/Host.ts"
import { HostTable } from "../../src/network/HostTable.ts"
import { Partitions } from "../../src/network/Partitions.ts"
import { SimConnection } from "../../src/network/SimConnection.ts"

/** Makes hosts whose directions have only the given conditions. */
export const makeHosts = (deviations: Draws.Deviations = {}) => {
  const counters = new ConditionCounters()
  const conditions = new Conditions(Draws.replaying(deviations), counters)
  const partitions = new Partitions()
  const hosts = new HostTable((from, to) => new Direction(from, to, conditions, partitions))
  return { hosts, conditions, counters, partitions }
}

export const address = (host: string, port: number): Address.Address => Result.getOrThrow(Address.make(host, port))

/** Makes a transport instance whose tasks the test runs. */
export const instanceAt = (host: Host): TransportInstance & { readonly tasks: Array<() => void> } => {
  const tasks: Array<() => void> = []
  return { host, process: { enqueue: (task) => void tasks.push(task) }, alive: true, tasks }
}

/** Makes a connection that is not dialed. */
export const connectionBetween = (hosts: HostTable, from: string, to: string, id = 1): SimConnection => {
  const [a, b] = [hosts.get(from), hosts.get(to)]
  const there = hosts.direction(a, b)
  return new SimConnection({
    id,
    address: address(to, 1),
    there,
    back: hosts.direction(b, a),
    sendBuffer: 1_000,
    onDue: () => undefined,
  })
}
