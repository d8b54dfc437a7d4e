/**
 * A network in memory, in any {@link World}: hosts, connections as TCP has them, conditions, and whatever goes wrong.
 *
 * Whatever is decided by chance is a named draw. Whoever is woken is woken as part of the process that it belongs to;
 * what arrives is put into its buffers at once, as an operating system does, also while the process stands still.
 */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as FaultPlan from "../FaultPlan.ts"
import * as Micros from "../internal/Micros.ts"
import * as Closures from "./Closures.ts"
import * as Conditions from "./Conditions.ts"
import { connect } from "./connection.ts"
import { Connections } from "./Connections.ts"
import { Counters } from "./Counters.ts"
import { closed, failure } from "./failure.ts"
import { canonical, type Host, Hosts, type Node } from "./Host.ts"
import type { End } from "./Link.ts"
import { listen, Listeners } from "./Listener.ts"
import { Way } from "./Way.ts"
import type { World } from "./World.ts"

/** The port of a node that does not name one. */
export const defaultPort = 7946

/** What each direction of a connection holds. */
export const defaultSendBuffer = 64 * 1024

/** How long a closed connection waits for the other end. */
export const defaultLinger = "5 seconds"

/** For how long bytes are sent again before the connection is given up. Systems have from 20 seconds to minutes. */
export const defaultUserTimeout = "30 seconds"

/** How an engine is made. */
export interface Options {
  /** What the network is like. Default: benign. */
  readonly conditions?: FaultPlan.Network | undefined
  /** One way, in place of the delay of the conditions. */
  readonly latency?: Conditions.Latency | undefined
  /** The bytes that each direction of a connection holds, unless the conditions say. */
  readonly sendBuffer?: number | undefined
  /** After which time a dial fails as `unreachable`. Default: the user timeout. */
  readonly connectTimeout?: Duration.Input | undefined
  /** After which time a connection is lost whose bytes cannot be delivered. */
  readonly userTimeout?: Duration.Input | undefined
  /** How long a closed connection waits for the other end before it is reset. */
  readonly linger?: Duration.Input | undefined
}

/** One connection, as a test sees it. */
export interface ConnectionInfo {
  /** The host that dialed. */
  readonly from: string
  /** The address that it dialed. */
  readonly to: Address.Address
  /** `opening` until both sides have it, `open` while both have it, then `closing`. */
  readonly state: "opening" | "open" | "closing"
  /** Bytes that the network holds: written and not arrived, and arrived and not pulled. */
  readonly held: number
}

/** All that is open in the network at one moment. */
export interface Snapshot {
  readonly listeners: ReadonlyArray<Address.Address>
  readonly connections: ReadonlyArray<ConnectionInfo>
}

/** Ends a fault. Once is enough; after `heal` there is nothing left to end. */
export type Undo = () => void

/** A network, and what can be done to it. */
export interface Engine {
  /**
   * The transport of a node at the host. It listens on the port; 0 picks a free one. Building one at a host without
   * power brings the power back.
   */
  readonly transport: (host: string, port?: number) => Layer.Layer<Transport.Transport>
  /** What the network is like from now on. What is under way is not changed. */
  readonly setConditions: (conditions: FaultPlan.Network) => void
  readonly setLatency: (latency: Conditions.Latency | undefined) => void
  /** Lets nothing pass between the two groups. Connections stay open and stall. */
  readonly partition: (hostsA: ReadonlyArray<string>, hostsB: ReadonlyArray<string>) => Undo
  /** Lets nothing pass from the first group to the second. */
  readonly partitionOneWay: (from: ReadonlyArray<string>, to: ReadonlyArray<string>) => Undo
  /** Lets nothing pass between the host and any other. */
  readonly isolate: (host: string) => Undo
  /** Lets nothing pass from one host to another. */
  readonly clog: (from: string, to: string) => Undo
  /** Isolates each host between its times, which are microseconds from now. */
  readonly swizzle: (
    hosts: ReadonlyArray<{ readonly node: string; readonly from: number; readonly to: number }>,
  ) => Undo
  /** Ends all partitions and clogs. What was held sets out again. */
  readonly heal: () => void
  /** Resets the connections between two hosts, at both ends and at once. New ones are possible. */
  readonly reset: (hostA: string, hostB: string) => void
  /** Lets the open connections between two hosts fail halfway; see `FaultPlan.HalfOpen`. */
  readonly halfOpen: (from: string, to: string, how: (typeof FaultPlan.HalfOpen.Type)["how"]) => void
  /**
   * Ends everything at the host: listeners, connections, and transports that were built there. Peers see resets, and
   * refused dials; after a silent crash nothing at all, until a transport is built there again.
   */
  readonly crash: (host: string, options?: { readonly silent?: boolean | undefined }) => void
  /** Ends all connections, and all transports for good. */
  readonly close: () => void
  /** How often each condition really made a difference. */
  readonly fired: () => Readonly<Record<string, number>>
  /** All that is open now. */
  readonly inspect: () => Snapshot
  /** How many listeners and ends of connections the host holds. */
  readonly open: (host: string) => number
  /** The number of open connections between two hosts, whoever dialed. */
  readonly connections: (hostA: string, hostB: string) => number
  /** The bytes that arrived so far on connections from one host to the other. */
  readonly bytes: (from: string, to: string) => number
}

/** The connections that were dialed along the way, and are open. Asked after every step, so nothing is made. */
const openAlong = (way: Way | undefined): number => {
  let open = 0
  if (way !== undefined) for (const link of way.links) if (link.state === "open") open++
  return open
}

/** Makes a network in the world. */
export const make = (world: World, options: Options = {}): Engine => {
  const userTimeout = Micros.fromDuration(options.userTimeout ?? defaultUserTimeout)
  const counters = new Counters()
  const conditions = new Conditions.Conditions(world.draws, counters)
  conditions.set(options.conditions ?? {})
  conditions.latency = options.latency
  const closures = new Closures.Closures()
  const listeners = new Listeners()
  const connections = new Connections({
    world,
    counters,
    listeners: listeners.open,
    sendBuffer: Math.max(1, options.sendBuffer ?? defaultSendBuffer),
    connectTimeout: options.connectTimeout === undefined ? userTimeout : Micros.fromDuration(options.connectTimeout),
    userTimeout,
    linger: Micros.fromDuration(options.linger ?? defaultLinger),
  })
  const hosts = new Hosts((from, to) => new Way(from, to, conditions, closures))
  const nodes = new Set<Node>()

  const boot = (name: string): Node => {
    const host = hosts.at(name)
    const node: Node = { host, process: world.process(host.name), alive: true }
    nodes.add(node)
    if (host.dark) {
      host.dark = false
      connections.release()
    }
    return node
  }

  const shut = (closure: Closures.Closure): Undo => {
    closures.add(closure)
    return () => {
      if (closures.remove(closure)) connections.release()
    }
  }

  /** What `heal` has to call off. */
  const planned = new Set<Undo>()

  const swizzle: Engine["swizzle"] = (which) => {
    const { timeline } = world
    const began = timeline.now()
    const undos = new Set<Undo>()
    const undo = (): void => {
      planned.delete(undo)
      for (const end of undos) end()
      connections.release()
    }
    for (const { from, node, to } of which) {
      const isolation = Closures.isolation(canonical(node))
      const begin = timeline.schedule(began + from, () => closures.add(isolation))
      const end = (): void => {
        begin.cancel()
        over.cancel()
        closures.remove(isolation)
        undos.delete(end)
      }
      const over = timeline.schedule(began + to, () => {
        end()
        connections.release()
        if (undos.size === 0) planned.delete(undo)
      })
      undos.add(end)
    }
    planned.add(undo)
    return undo
  }

  const halfOpen: Engine["halfOpen"] = (from, to, how) => {
    for (const link of hosts.links(from, to)) {
      const sender = link.dialer.host.name === canonical(from) ? link.dialer : link.acceptor
      if (link.state === "opening" || sender.state === "gone" || sender.peer.state === "gone") continue
      switch (how) {
        case "gone":
          connections.lose(sender.peer, failure("closed", `the connection to ${canonical(from)} is gone`))
          break
        case "deaf":
          sender.mute = true
          break
        case "dead":
          sender.mute = true
          sender.peer.mute = true
          break
        case "closed":
          connections.sever(sender)
      }
    }
  }

  /** The ends at the host, of whatever is not gone altogether. */
  const endsAt = (host: Host): ReadonlyArray<End> =>
    [...connections.links].flatMap(({ acceptor, dialer }) =>
      [dialer, acceptor].filter(
        // A dial that has not arrived will find nobody.
        (end) => end.host === host && (end === dialer || end.state !== "opening"),
      ),
    )

  const crash: Engine["crash"] = (name, { silent = false } = {}) => {
    const host = hosts.at(name)
    const reason = failure("closed", `${host.name} has crashed`)
    for (const node of nodes) {
      if (node.host !== host) continue
      node.alive = false
      nodes.delete(node)
    }
    if (silent) host.dark = true
    for (const listener of [...listeners.open.values()]) {
      if (listener.node.host !== host) continue
      listeners.remove(listener)
      listener.takeBacklog()
    }
    for (const end of endsAt(host)) {
      if (silent) connections.lose(end, reason)
      else connections.reset(end, reason)
    }
  }

  return {
    transport: (name, port = defaultPort) =>
      Layer.effect(Transport.Transport)(
        Effect.acquireRelease(
          Effect.sync(() => boot(name)),
          (node) => Effect.sync(() => nodes.delete(node)),
        ).pipe(
          Effect.map((node) => ({
            listen: listen(listeners, connections, node, port),
            connect: (address: Address.Address) =>
              connect(connections, node, address, () => {
                const to = hosts.at(Address.host(address))
                return [hosts.way(node.host, to), hosts.way(to, node.host)]
              }),
          })),
        ),
      ),
    setConditions: (plan) => conditions.set(plan),
    setLatency: (latency) => {
      conditions.latency = latency
    },
    partition: (a, b) => shut(Closures.bothWays(a.map(canonical), b.map(canonical))),
    partitionOneWay: (from, to) => shut(Closures.oneWay(from.map(canonical), to.map(canonical))),
    isolate: (host) => shut(Closures.isolation(canonical(host))),
    clog: (from, to) => shut(Closures.oneWay([canonical(from)], [canonical(to)])),
    swizzle,
    heal: () => {
      for (const undo of [...planned]) undo()
      closures.clear()
      connections.release()
    },
    reset: (a, b) => {
      for (const link of hosts.links(a, b)) {
        connections.cut(link, `the connection between ${link.dialer.host.name} and ${link.acceptor.host.name} was cut`)
      }
    },
    halfOpen,
    crash,
    close: () => {
      for (const { acceptor, dialer } of connections.links) {
        connections.vanish(dialer, closed(dialer))
        connections.vanish(acceptor, closed(acceptor))
      }
      for (const node of nodes) node.alive = false
    },
    fired: () => counters.all(),
    inspect: () => ({
      listeners: [...listeners.open.keys()],
      connections: [...connections.links].map((link) => ({
        from: link.dialer.host.name,
        to: link.address,
        state: link.state,
        held: link.dialer.held + link.acceptor.held,
      })),
    }),
    open: (name) => {
      const host = hosts.known(name)
      return host === undefined ? 0 : host.ends + host.listeners
    },
    connections: (a, b) =>
      openAlong(hosts.knownWay(a, b)) + (canonical(a) === canonical(b) ? 0 : openAlong(hosts.knownWay(b, a))),
    bytes: (from, to) => hosts.knownWay(from, to)?.arrived ?? 0,
  }
}
