/**
 * Network in memory, in any {@link Environment}: hosts, connections as in TCP, conditions, and faults.
 *
 * Every random decision is a named draw. A waiting fiber is resumed as part of its process. Bytes that arrive are put
 * into the buffers of their endpoint at once, also while the process is paused, as an operating system does.
 */
import * as Transport from "@coterie/core/Transport"
import * as Address from "@coterie/core/Address"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as FaultPlan from "../FaultPlan.ts"
import * as Microseconds from "../internal/Microseconds.ts"
import { ConditionCounters } from "./ConditionCounters.ts"
import * as Conditions from "./Conditions.ts"
import { Connections } from "./Connections.ts"
import { Direction } from "./Direction.ts"
import type { Endpoint } from "./Endpoint.ts"
import type { Environment } from "./Environment.ts"
import { canonical, type Host, type TransportInstance } from "./Host.ts"
import { HostSockets } from "./HostSockets.ts"
import { HostTable } from "./HostTable.ts"
import { ListenerTable } from "./ListenerTable.ts"
import * as Partitions from "./Partitions.ts"
import type { SimConnection } from "./SimConnection.ts"
import * as SimTransport from "./SimTransport.ts"
import { Swizzle } from "./Swizzle.ts"
import { connectionClosed, transportError } from "./transportError.ts"

/** Default port of a node. An address without a port has the same port, so the name of a host is the address of its node. */
export const defaultPort = Address.defaultPort

/** Default number of bytes that each direction of a connection holds. */
export const defaultSendBuffer = 64 * 1024

/** Default time that a closed connection waits for the other end. */
export const defaultLinger = "5 seconds"

/**
 * Default time for which bytes are sent again before the connection times out. Real systems use 20 seconds to minutes.
 */
export const defaultUserTimeout = "30 seconds"

/** Options of an {@link Engine}. */
export interface Options {
  /** Conditions of the network. Defaults to none. */
  readonly conditions?: FaultPlan.Network | undefined
  /** Latency from one host to another, in place of the delay of the conditions. */
  readonly latency?: Conditions.Latency | undefined
  /** Bytes that each direction of a connection holds, unless the conditions draw another number. */
  readonly sendBuffer?: number | undefined
  /** Time after which a dial fails as `unreachable`. Defaults to the user timeout. */
  readonly connectTimeout?: Duration.Input | undefined
  /** Time after which a connection times out if its bytes cannot be delivered. */
  readonly userTimeout?: Duration.Input | undefined
  /** Time that a closed connection waits for the other end before it is reset. */
  readonly linger?: Duration.Input | undefined
}

/**
 * Description of a connection, for tests.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionInfo {
  /** Host that dialed. */
  readonly from: string
  /** Address that was dialed. */
  readonly to: Address.Address
  /** `opening` until both sides have the connection, `open` while both have it, then `closing`. */
  readonly state: "opening" | "open" | "closing"
  /** Number of bytes that the network holds: bytes written and not arrived, or arrived and not pulled. */
  readonly held: number
}

/**
 * Open listeners and connections of the network at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly listeners: ReadonlyArray<Address.Address>
  readonly connections: ReadonlyArray<ConnectionInfo>
}

/** Function that ends a fault. A second call, or a call after `heal`, does nothing. */
export type Undo = () => void

/** Network with the faults that can be injected into it. */
export class Engine {
  private readonly environment: Environment
  private readonly counters = new ConditionCounters()
  private readonly conditions: Conditions.Conditions
  private readonly partitions = new Partitions.Partitions()
  private readonly listeners = new ListenerTable()
  private readonly network: Connections
  private readonly hosts: HostTable
  private readonly instances = new Set<TransportInstance>()
  private readonly swizzles = new Set<Swizzle>()

  constructor(environment: Environment, options: Options = {}) {
    const userTimeout = Microseconds.fromDuration(options.userTimeout ?? defaultUserTimeout)
    const { connectTimeout } = options
    this.environment = environment
    this.conditions = new Conditions.Conditions(environment.draws, this.counters)
    this.conditions.set(options.conditions ?? {})
    this.conditions.latency = options.latency
    this.network = new Connections({
      environment,
      counters: this.counters,
      listeners: this.listeners,
      sendBuffer: Math.max(1, options.sendBuffer ?? defaultSendBuffer),
      connectTimeout: connectTimeout === undefined ? userTimeout : Microseconds.fromDuration(connectTimeout),
      userTimeout,
      linger: Microseconds.fromDuration(options.linger ?? defaultLinger),
    })
    this.hosts = new HostTable((from, to) => new Direction(from, to, this.conditions, this.partitions))
  }

  // Transports.

  /**
   * Makes the transport of a node at the host. It listens on the port; 0 picks a free port. Building a transport at a
   * host without power restores the power. `identity` returns the proof of the node.
   */
  transport(
    host: string,
    port: number = defaultPort,
    identity: () => Transport.Identity | undefined = () => undefined,
  ): Layer.Layer<Transport.Transport> {
    const { hosts, listeners, network: connections } = this
    return Layer.effect(Transport.Transport)(
      Effect.acquireRelease(
        Effect.sync(() => this.boot(host, identity())),
        (instance) => Effect.sync(() => this.instances.delete(instance)),
      ).pipe(Effect.map((instance) => SimTransport.make({ connections, listeners, hosts }, instance, port))),
    )
  }

  /** Adds a host, so that its name can be resolved before its node has started. */
  addNode(host: string): void {
    this.hosts.get(host).isNode = true
  }

  /** Makes the sockets of a process at the host. Closing the scope ends their use. */
  sockets(host: string): Effect.Effect<HostSockets, never, Scope.Scope> {
    const { hosts, listeners, network: connections } = this
    return Effect.acquireRelease(
      Effect.sync(() => this.boot(host, undefined)),
      (instance) => Effect.sync(() => this.instances.delete(instance)),
    ).pipe(Effect.map((instance) => new HostSockets({ connections, listeners, hosts, instance })))
  }

  private boot(name: string, identity: Transport.Identity | undefined): TransportInstance {
    this.addNode(name)
    const host = this.hosts.get(name)
    const process = this.environment.process(host.name)
    const instance: TransportInstance = { host, process, alive: true, identity }
    this.instances.add(instance)
    if (!host.powered) {
      host.powered = true
      this.network.resumeDelivery()
    }
    return instance
  }

  /** Changes the proof of the present processes of a host. Open connections keep theirs. */
  prove(name: string, identity: Transport.Identity | undefined): void {
    const host = this.hosts.get(name)
    for (const instance of this.instances) if (instance.host === host) instance.identity = identity
  }

  /** Lets a host withdraw the proofs of its open connections: of all, or of those with one peer. */
  withdraw(name: string, peer: string | undefined, within: Duration.Input): void {
    const micros = Microseconds.fromDuration(within)
    for (const endpoint of this.endpointsAt(this.hosts.get(name))) {
      if (endpoint.proof === undefined && endpoint.peer.proof === undefined) continue
      if (peer !== undefined && endpoint.direction.to.name !== canonical(peer)) continue
      this.network.withdraw(endpoint, micros)
    }
  }

  // Conditions.

  /** Sets the conditions of the network from now on. Segments in flight keep their conditions. */
  setConditions(conditions: FaultPlan.Network): void {
    this.conditions.set(conditions)
  }

  /** Replaces the delay of the conditions. */
  setLatency(latency: Conditions.Latency | undefined): void {
    this.conditions.latency = latency
  }

  // Partitions.

  /** Blocks all traffic between the two groups. Connections stay open and stall. */
  partition(hostsA: ReadonlyArray<string>, hostsB: ReadonlyArray<string>): Undo {
    return this.block(Partitions.bothWays(hostsA.map(canonical), hostsB.map(canonical)))
  }

  /** Blocks all traffic from the first group to the second. */
  partitionOneWay(from: ReadonlyArray<string>, to: ReadonlyArray<string>): Undo {
    return this.block(Partitions.oneWay(from.map(canonical), to.map(canonical)))
  }

  /** Blocks all traffic between the host and all others. */
  isolate(host: string): Undo {
    return this.block(Partitions.isolation(canonical(host)))
  }

  /** Blocks all traffic from one host to another. */
  clog(from: string, to: string): Undo {
    return this.block(Partitions.oneWay([canonical(from)], [canonical(to)]))
  }

  private block(block: Partitions.Block): Undo {
    this.partitions.add(block)
    return () => {
      if (this.partitions.remove(block)) this.network.resumeDelivery()
    }
  }

  /** Isolates each host between its times, which are microseconds from now. */
  swizzle(hosts: ReadonlyArray<{ readonly node: string; readonly from: number; readonly to: number }>): Undo {
    const swizzle = new Swizzle({
      timeline: this.environment.timeline,
      partitions: this.partitions,
      opened: () => this.network.resumeDelivery(),
      ended: () => this.swizzles.delete(swizzle),
    })
    for (const { from, node, to } of hosts) swizzle.schedule(canonical(node), from, to)
    this.swizzles.add(swizzle)
    return () => swizzle.undo()
  }

  /** Ends all partitions, clogs and swizzles. Stalled segments are transmitted again. */
  heal(): void {
    for (const swizzle of [...this.swizzles]) swizzle.undo()
    this.partitions.clear()
    this.network.resumeDelivery()
  }

  // Connections.

  /** Returns the connections between two hosts, in the order of dialing. */
  private connectionsBetween(hostA: string, hostB: string): ReadonlyArray<SimConnection> {
    const there = this.hosts.findDirection(hostA, hostB)
    return this.network.table.dialedInEither(there, this.hosts.findDirection(hostB, hostA))
  }

  /** Resets the connections between two hosts, at both ends and at once. New connections are possible. */
  reset(hostA: string, hostB: string): void {
    for (const connection of this.connectionsBetween(hostA, hostB)) {
      const { acceptor, dialer } = connection
      this.network.resetBoth(connection, `the connection between ${dialer.host.name} and ${acceptor.host.name} was cut`)
    }
  }

  /** Makes the open connections between two hosts fail half-open. See `FaultPlan.HalfOpen`. */
  halfOpen(from: string, to: string, how: (typeof FaultPlan.HalfOpen.Type)["how"]): void {
    for (const connection of this.connectionsBetween(from, to)) {
      const { acceptor, dialer } = connection
      const sender = dialer.host.name === canonical(from) ? dialer : acceptor
      if (connection.state === "opening" || sender.state === "gone" || sender.peer.state === "gone") continue
      switch (how) {
        case "gone":
          this.network.vanish(sender.peer, transportError("closed", `the connection to ${canonical(from)} is gone`))
          break
        case "deaf":
          sender.muted = true
          break
        case "dead":
          sender.muted = true
          sender.peer.muted = true
          break
        case "closed":
          this.network.sever(sender)
      }
    }
  }

  // Crashes.

  /**
   * Ends the listeners, the connections and the transports at the host. Peers see resets and refused dials. After a
   * silent crash, peers receive nothing from the host until a transport is built there again.
   */
  crash(name: string, { silent = false }: { readonly silent?: boolean | undefined } = {}): void {
    const host = this.hosts.get(name)
    const reason = transportError("closed", `${host.name} has crashed`)
    for (const instance of this.instances) {
      if (instance.host !== host) continue
      instance.alive = false
      this.instances.delete(instance)
    }
    if (silent) host.powered = false
    for (const listener of this.listeners.all()) {
      if (listener.instance.host !== host) continue
      this.listeners.remove(listener)
      listener.takeBacklog()
    }
    for (const endpoint of this.endpointsAt(host)) {
      if (silent) this.network.vanish(endpoint, reason)
      else this.network.reset(endpoint, reason)
    }
  }

  /** Returns the endpoints at the host, of all connections with an endpoint that is not gone. */
  private endpointsAt(host: Host): ReadonlyArray<Endpoint> {
    return [...this.network.table.all()].flatMap(({ acceptor, dialer }) =>
      [dialer, acceptor].filter(
        // A dial that has not arrived will find no listener.
        (endpoint) => endpoint.host === host && (endpoint === dialer || endpoint.state !== "opening"),
      ),
    )
  }

  /** Ends all connections and all transports permanently. */
  close(): void {
    for (const { acceptor, dialer } of this.network.table.all()) {
      this.network.terminate(dialer, connectionClosed(dialer))
      this.network.terminate(acceptor, connectionClosed(acceptor))
    }
    for (const instance of this.instances) instance.alive = false
  }

  // Inspection.

  /** Returns the number of effects of each condition. */
  fired(): Readonly<Record<string, number>> {
    return this.counters.all()
  }

  /** Returns the open listeners and connections. */
  inspect(): Snapshot {
    return {
      listeners: this.listeners.all().map(({ address }) => address),
      connections: [...this.network.table.all()].map(({ acceptor, address, dialer, state }) => ({
        from: dialer.host.name,
        to: address,
        state,
        held: dialer.held + acceptor.held,
      })),
    }
  }

  /** Counts the listeners and endpoints that the host holds. */
  open(name: string): number {
    const host = this.hosts.find(name)
    return host === undefined ? 0 : host.endpoints + host.listeners
  }

  /** Counts the open connections between two hosts, whichever host dialed. */
  connections(hostA: string, hostB: string): number {
    const there = this.openIn(this.hosts.findDirection(hostA, hostB))
    return canonical(hostA) === canonical(hostB) ? there : there + this.openIn(this.hosts.findDirection(hostB, hostA))
  }

  /** Counts the open connections that were dialed in the direction. Runs after every step, so it allocates nothing. */
  private openIn(direction: Direction | undefined): number {
    let open = 0
    for (const connection of this.network.table.dialedIn(direction)) if (connection.state === "open") open++
    return open
  }

  /** Returns the number of bytes that have arrived on connections from one host to the other. */
  bytes(from: string, to: string): number {
    return this.hosts.findDirection(from, to)?.bytesArrived ?? 0
  }
}
