/**
 * A network in memory, for tests: any number of hosts, latency, partitions, lost connections and
 * crashed hosts. Each node of a test gets a `Transport` of its own from {@link Shape.transport}.
 *
 * Time is Effect's `Clock` and chance is Effect's `Random`, both taken where the network is made. So
 * it runs under the stock `TestClock`, where nothing happens until the test adjusts the clock (without
 * latency, nothing needs to), and equally on the live clock. With a seeded `Random` every run is alike.
 *
 * It behaves as TCP does through Node:
 *
 * - Loss is never silent. What meets a partition is held and delivered, in order, after it healed.
 * - A connection takes one latency each way to open, or to be refused. What cannot be delivered makes
 *   it wait, as a lost SYN does.
 * - What is written goes through a send buffer that counts what is under way and what the other end
 *   has not pulled. A `write` ends when the buffer took all of it; interrupting it takes nothing back.
 * - Closing the scope of a connection sends what was written and then the end of the stream. Meanwhile
 *   what arrives is thrown away. The connection is gone when both ends have ended. If that does not
 *   come to pass within the `linger` time, it is reset.
 * - A reset travels behind what was sent before it. Where it arrives, bytes that were not pulled yet
 *   are lost.
 */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Timeline from "./internal/timeline.ts"

/** How long one way takes: always as long, or evenly drawn between two bounds for every segment. */
export type Delay = Duration.Input | { readonly min: Duration.Input; readonly max: Duration.Input }

/** The delay of everything, or of each pair of hosts. */
export type Latency = Delay | ((from: string, to: string) => Delay)

/** How the network is made. */
export interface Options {
  /** One way. Default: none, so that a test needs no clock. */
  readonly latency?: Latency | undefined
  /** Cuts what is written at random places, so that decoders meet every split. Default: `false`. */
  readonly split?: boolean | undefined
  /** The bytes that each direction of a connection holds, under way and not pulled. Default: 64 KiB. */
  readonly sendBuffer?: number | undefined
  /** After which time a dial fails as `unreachable`. Default: never. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long a closed connection waits for the other end before it is reset. Default: 5 seconds. */
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

/** What a test can do with the network. */
export interface Shape {
  /**
   * The transport of a node at the given host. It listens on the port, 7946 if there is none given;
   * 0 picks a free one. Every node needs a layer of its own; building one at a crashed host
   * brings the host back.
   */
  readonly transport: (host: string, port?: number) => Layer.Layer<Transport.Transport>
  /** Lets nothing pass between the two groups. Connections stay open and stall. */
  readonly partition: (hostsA: ReadonlyArray<string>, hostsB: ReadonlyArray<string>) => Effect.Effect<void>
  /** Lets nothing pass from the first group to the second. */
  readonly partitionOneWay: (from: ReadonlyArray<string>, to: ReadonlyArray<string>) => Effect.Effect<void>
  /** Ends all partitions. What was held sets out again. */
  readonly heal: Effect.Effect<void>
  /** Resets the connections between two hosts, at both ends and at once. New ones are possible. */
  readonly cut: (hostA: string, hostB: string) => Effect.Effect<void>
  /**
   * Ends everything at the host: listeners, connections, and transports that were built there, which
   * connect to nothing any more. Peers see resets and refused dials. After a silent crash they see nothing at
   * all: the host is a black hole until a new transport is built at it.
   */
  readonly crash: (host: string, options?: { readonly silent?: boolean | undefined }) => Effect.Effect<void>
  /** Changes the latency of what sets out from now on. */
  readonly setLatency: (latency: Latency) => Effect.Effect<void>
  /** All that is open now. */
  readonly inspect: Effect.Effect<Snapshot>
  /** The number of open connections between two hosts, whoever dialed. */
  readonly connections: (hostA: string, hostB: string) => Effect.Effect<number>
  /** The bytes that arrived so far on connections from one host to the other. */
  readonly bytes: (from: string, to: string) => Effect.Effect<number>
}

/** The simulated network. */
export class SimNetwork extends Context.Service<SimNetwork, Shape>()("@coterie/testkit/SimNetwork") {}

/** The port of a node that does not name one. */
export const defaultPort = 7946

/** A layer that was built: what runs in one life of a host. */
interface Node {
  readonly host: string
  alive: boolean
}

interface OpenListener {
  readonly node: Node
  readonly address: Address.Address
  readonly backlog: Array<End>
  accept: ((end: End) => void) | undefined
}

/** What travels. `bytes` carries data, the others are what TCP calls SYN, SYN-ACK, FIN and RST. */
type Segment =
  | { readonly _tag: "dial" }
  | { readonly _tag: "accepted" }
  | { readonly _tag: "bytes"; readonly bytes: Uint8Array }
  | { readonly _tag: "end" }
  | { readonly _tag: "reset" }

/** A connection. */
interface Link {
  readonly address: Address.Address
  readonly dialer: End
  readonly acceptor: End
}

/** One end of a connection: what it sends, and what has come for it. */
interface End {
  readonly link: Link
  readonly host: string
  readonly peer: End
  /** `closing`: the scope is closed and the rest is being sent. `gone`: nothing will come of it. */
  state: "opening" | "open" | "closing" | "gone"
  /** What `pull` and `write` fail with, once there is a reason. */
  error: Transport.TransportError | undefined

  /** Written and not under way yet; `offset` bytes of the first are. */
  outbox: Array<Uint8Array>
  offset: number
  /** Nothing is written any more. */
  ended: boolean
  endSent: boolean
  /** Under way to the peer, in order of arrival. */
  wire: Array<{ readonly segment: Segment; at: number }>
  /** Bytes under way. */
  flying: number
  /** The arrival of the first on the wire; none if the wire is empty, or stalled by a partition. */
  arrival: Timeline.Event | undefined
  /** Resumes a suspended `write`. */
  writer: ((result: Effect.Effect<void, Transport.TransportError>) => void) | undefined

  inbox: Array<Uint8Array>
  /** Bytes in the inbox. */
  unread: number
  /** The peer has ended. */
  endReceived: boolean
  /** `pull` has said so. */
  done: boolean
  /** Resumes a suspended `pull`, or `connect`. */
  waiter: (() => void) | undefined
  linger: Timeline.Event | undefined
}

const makeEnd = (link: () => Link, host: string): End => ({
  get link() {
    return link()
  },
  get peer() {
    const { acceptor, dialer } = link()
    return this === dialer ? acceptor : dialer
  },
  host,
  state: "opening",
  error: undefined,
  outbox: [],
  offset: 0,
  ended: false,
  endSent: false,
  wire: [],
  flying: 0,
  arrival: undefined,
  writer: undefined,
  inbox: [],
  unread: 0,
  endReceived: false,
  done: false,
  waiter: undefined,
  linger: undefined,
})

const makeLink = (from: string, address: Address.Address): Link => {
  const link: Link = {
    address,
    dialer: makeEnd(() => link, from),
    acceptor: makeEnd(() => link, Address.host(address)),
  }
  return link
}

const error = (reason: Transport.TransportError["reason"], message: string) =>
  new Transport.TransportError({ reason, message })

/** The key of a direction. */
const way = (from: string, to: string): string => `${from} ${to}`

/** Hosts are written as addresses have them: in lower case, IPv6 without its brackets. */
const canonical = (host: string): string => {
  const text = host.toLowerCase()
  return text.startsWith("[") ? text.slice(1, -1) : text
}

/** Whole microseconds, in which the timeline counts. */
const micros = (duration: Duration.Input): number =>
  Math.round(Duration.toMillis(Duration.fromInputUnsafe(duration)) * 1000)

/** Makes a network. Closing the scope resets what is still open in it. */
export const make = (options?: Options): Effect.Effect<Shape, never, Scope.Scope> =>
  Effect.gen(function* () {
    const random = yield* Random.Random
    const timeline = Timeline.make(yield* Clock.Clock, yield* Effect.context<never>())
    const capacity = Math.max(1, options?.sendBuffer ?? 64 * 1024)
    const linger = micros(options?.linger ?? "5 seconds")
    let latency: Latency = options?.latency ?? Duration.zero

    const nodes = new Set<Node>()
    const listeners = new Map<Address.Address, OpenListener>()
    const links = new Set<Link>()
    /** Ways that a partition closes. */
    const closedWays = new Set<string>()
    /** Hosts that crashed silently. */
    const darkHosts = new Set<string>()
    /** Bytes that arrived, by way. */
    const arrived = new Map<string, number>()

    const draw = (from: string, to: string): number => {
      const delay = typeof latency === "function" ? latency(from, to) : latency
      if (typeof delay !== "object" || !("min" in delay)) return micros(delay)
      const min = micros(delay.min)
      return min + Math.round((micros(delay.max) - min) * random.nextDoubleUnsafe())
    }

    const isClosed = (from: string, to: string): boolean =>
      darkHosts.has(from) || darkHosts.has(to) || closedWays.has(way(from, to))

    // Sending: outbox, then wire, then the peer's inbox.

    const launch = (from: End, segment: Segment): void => {
      const at = timeline.now() + draw(from.host, from.peer.host)
      // Nothing overtakes: only the first of the wire arrives.
      if (from.wire.push({ segment, at }) === 1) awaitArrival(from)
    }

    const awaitArrival = (from: End): void => {
      const first = from.wire[0]
      if (first === undefined) return
      from.arrival = timeline.schedule(first.at, () => {
        from.arrival = undefined
        // A closed way keeps the wire as it is, until `release`.
        if (isClosed(from.host, from.peer.host)) return
        from.wire.shift()
        awaitArrival(from)
        arrive(from.peer, first.segment)
      })
    }

    /** What waited at a way that is open again sets out anew. */
    const release = (): void => {
      for (const link of links) {
        for (const end of [link.dialer, link.acceptor]) {
          if (end.arrival !== undefined || isClosed(end.host, end.peer.host)) continue
          for (const sent of end.wire) sent.at = timeline.now() + draw(end.host, end.peer.host)
          awaitArrival(end)
        }
      }
    }

    /** Moves what was written to the wire, as far as the send buffer takes it. */
    const flush = (end: End): void => {
      if (end.state === "gone") return
      for (let first = end.outbox[0]; first !== undefined; first = end.outbox[0]) {
        const room = capacity - end.flying - end.peer.unread
        const rest = first.length - end.offset
        // Waits for a quarter of the buffer, so that a full one does not drip.
        if (room < Math.min(rest, capacity / 4)) return
        let size = Math.min(room, rest)
        // Short pieces are likelier, because they are what decoders get wrong.
        if (options?.split === true && size > 1 && random.nextDoubleUnsafe() < 0.75) {
          size = 1 + Math.floor((size - 1) * random.nextDoubleUnsafe() ** 2)
        }
        // A copy, because the receiver owns what it pulls.
        const bytes = first.slice(end.offset, end.offset + size)
        end.offset += size
        if (end.offset === first.length) {
          end.outbox.shift()
          end.offset = 0
        }
        end.flying += size
        launch(end, { _tag: "bytes", bytes })
      }
      if (end.ended && !end.endSent) {
        end.endSent = true
        launch(end, { _tag: "end" })
      }
      settle(end)
      resumeWriter(end, Effect.void)
    }

    const resumeWriter = (end: End, result: Effect.Effect<void, Transport.TransportError>): void => {
      const writer = end.writer
      end.writer = undefined
      writer?.(result)
    }

    // Receiving.

    const wake = (end: End): void => {
      const waiter = end.waiter
      end.waiter = undefined
      waiter?.()
    }

    const arrive = (end: End, segment: Segment): void => {
      switch (segment._tag) {
        case "dial": {
          const listener = listeners.get(end.link.address)
          if (listener === undefined) {
            end.state = "gone"
            return launch(end, { _tag: "reset" })
          }
          end.state = "open"
          launch(end, { _tag: "accepted" })
          if (listener.accept !== undefined) listener.accept(end)
          else listener.backlog.push(end)
          return
        }
        case "accepted": {
          if (end.state !== "opening") return
          end.state = "open"
          return wake(end)
        }
        case "bytes": {
          const size = segment.bytes.length
          end.peer.flying -= size
          if (end.state === "open") {
            const key = way(end.peer.host, end.host)
            arrived.set(key, (arrived.get(key) ?? 0) + size)
            end.inbox.push(segment.bytes)
            end.unread += size
            return wake(end)
          }
          if (end.state === "closing") return flush(end.peer)
          return launch(end, { _tag: "reset" })
        }
        case "end": {
          if (end.state === "gone") return launch(end, { _tag: "reset" })
          end.endReceived = true
          wake(end)
          return settle(end)
        }
        case "reset": {
          const where = `${end.link.address}`
          return vanish(
            end,
            end.state === "opening"
              ? error("refused", `${where} refused the connection`)
              : error("closed", `the connection to ${end.peer.host} was reset`),
          )
        }
      }
    }

    /** What `pull` finds, if it finds anything. */
    const take = (
      end: End,
    ): Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, Transport.TransportError | Cause.Done> | undefined => {
      const batch = end.inbox
      if (Arr.isArrayNonEmpty(batch)) {
        end.inbox = []
        end.unread = 0
        flush(end.peer)
        return Effect.succeed(batch)
      }
      if (end.done) return Cause.done()
      if (end.error !== undefined) return Effect.fail(end.error)
      if (!end.endReceived) return undefined
      end.done = true
      return Cause.done()
    }

    // Ending.

    /** The end exists no more; what it put on the wire still travels. */
    const vanish = (end: End, reason: Transport.TransportError): void => {
      if (end.state === "gone") return
      end.state = "gone"
      end.error ??= reason
      end.outbox = []
      end.inbox = []
      end.unread = 0
      end.linger?.cancel()
      if (end.peer.state === "gone") forget(end.link)
      resumeWriter(end, Effect.fail(end.error))
      wake(end)
    }

    const forget = (link: Link): void => {
      links.delete(link)
      for (const end of [link.dialer, link.acceptor]) {
        end.wire = []
        end.flying = 0
        end.arrival?.cancel()
        end.arrival = undefined
      }
    }

    const reset = (end: End, reason: Transport.TransportError): void => {
      if (end.state === "gone") return
      launch(end, { _tag: "reset" })
      vanish(end, reason)
    }

    /** A closed end is gone when both sides have said all. */
    const settle = (end: End): void => {
      if (end.state === "closing" && end.endSent && end.endReceived) vanish(end, closed(end))
    }

    const closed = (end: End) => error("closed", `the connection to ${end.peer.host} is closed`)

    /** The scope of the connection is closed. */
    const close = (end: End): void => {
      if (end.state === "gone") {
        end.done = false
        return
      }
      end.state = "closing"
      end.error = closed(end)
      end.done = false
      end.inbox = []
      end.unread = 0
      end.ended = true
      end.linger = timeline.schedule(timeline.now() + linger, () => {
        // Without a reset if all arrived: the peer has seen the end and keeps its own side open.
        if (end.endSent && end.wire.length === 0) vanish(end, closed(end))
        else reset(end, closed(end))
      })
      resumeWriter(end, Effect.fail(end.error))
      flush(end)
      flush(end.peer)
      wake(end)
    }

    const connection = (end: End): Transport.Connection => {
      const pull: Transport.Connection["pull"] = Effect.suspend(
        () =>
          take(end) ??
          Effect.callback((resume) => {
            // The bytes are taken by the fiber itself, so an interrupted one leaves them where they are.
            const waiter = () => resume(pull)
            end.waiter = waiter
            return Effect.sync(() => {
              if (end.waiter === waiter) end.waiter = undefined
            })
          }),
      )
      return {
        remoteHost: end.peer.host,
        pull,
        write: (chunks) =>
          Effect.suspend(() => {
            if (end.error !== undefined) return Effect.fail(end.error)
            if (end.ended) return Effect.fail(error("closed", "nothing can be written after `end`"))
            for (const chunk of chunks) if (chunk.length > 0) end.outbox.push(chunk)
            flush(end)
            if (end.outbox.length === 0) return Effect.void
            return Effect.callback<void, Transport.TransportError>((resume) => {
              end.writer = resume
              return Effect.sync(() => {
                if (end.writer === resume) end.writer = undefined
              })
            })
          }),
        end: Effect.sync(() => {
          if (end.ended || end.state !== "open") return
          end.ended = true
          flush(end)
        }),
      }
    }

    // The service.

    const connect = (node: Node, address: Address.Address) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          if (!node.alive) {
            return yield* Effect.fail(error("unreachable", `${node.host} has crashed: build its transport again`))
          }
          const link = makeLink(node.host, address)
          const end = link.dialer
          links.add(link)
          launch(end, { _tag: "dial" })
          const opened = Effect.callback<void, Transport.TransportError>((resume) => {
            end.waiter = () => resume(end.error === undefined ? Effect.void : Effect.fail(end.error))
          })
          const timeout = options?.connectTimeout
          const inTime =
            timeout === undefined
              ? opened
              : Effect.timeoutOrElse(opened, {
                  duration: timeout,
                  orElse: () => Effect.fail(error("unreachable", `${address} did not answer`)),
                })
          yield* Effect.onExit(restore(inTime), (exit) =>
            Effect.sync(() => {
              if (Exit.isSuccess(exit)) return
              end.waiter = undefined
              // Nobody has heard of it yet, so nobody has to hear that it is over.
              if (link.acceptor.state === "opening") link.acceptor.state = "gone"
              reset(end, closed(end))
            }),
          )
          yield* Effect.addFinalizer(() => Effect.sync(() => close(end)))
          return connection(end)
        }),
      )

    const freePort = (host: string): number => {
      for (let port = 49152; port < 65535; port++) {
        const address = Address.make(host, port)
        if (Result.isSuccess(address) && !listeners.has(address.success)) return port
      }
      return 65535
    }

    const listen = (node: Node, wanted: number) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const address = Address.make(node.host, wanted === 0 ? freePort(node.host) : wanted)
          if (Result.isFailure(address)) return Effect.fail(error("listen", address.failure.message))
          if (!node.alive) return Effect.fail(error("listen", `${node.host} has crashed: build its transport again`))
          if (listeners.has(address.success)) {
            return Effect.fail(
              error("listen", `port ${wanted} on ${node.host} is in use: pick another, or 0 for any free one`),
            )
          }
          const listener: OpenListener = { node, address: address.success, backlog: [], accept: undefined }
          listeners.set(listener.address, listener)
          return Effect.succeed(listener)
        }),
        (listener) => Effect.sync(() => closeListener(listener)),
      ).pipe(Effect.map((listener): Transport.Listener => ({ address: listener.address, run: run(listener) })))

    const closeListener = (listener: OpenListener): void => {
      // After a crash the address may be somebody else's.
      if (listeners.get(listener.address) === listener) listeners.delete(listener.address)
      listener.accept = undefined
      for (const end of listener.backlog.splice(0)) reset(end, closed(end))
    }

    const run =
      (listener: OpenListener): Transport.Listener["run"] =>
      <R>(handler: (connection: Transport.Connection) => Effect.Effect<void, never, R>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const fork = yield* FiberSet.makeRuntime<Exclude<R, Scope.Scope>>()
            const accept = (end: End): void => {
              fork(
                Effect.acquireRelease(Effect.succeed(connection(end)), () => Effect.sync(() => close(end))).pipe(
                  // The handler starts outside of this call, so whoever it wakes finds it forked.
                  Effect.tap(Effect.yieldNow),
                  Effect.flatMap(handler),
                  Effect.scoped,
                  Effect.ignoreCause({ log: "Error", message: "The handler of a connection died" }),
                ),
              )
            }
            yield* Effect.addFinalizer(() =>
              Effect.sync(() => {
                listener.accept = undefined
              }),
            )
            listener.accept = accept
            for (const end of listener.backlog.splice(0)) accept(end)
            return yield* Effect.never
          }),
        )

    const between = (hostA: string, hostB: string): ReadonlyArray<Link> => {
      const a = canonical(hostA)
      const b = canonical(hostB)
      return [...links].filter(
        ({ acceptor, dialer }) =>
          (dialer.host === a && acceptor.host === b) || (dialer.host === b && acceptor.host === a),
      )
    }

    const closeWays = (from: ReadonlyArray<string>, to: ReadonlyArray<string>): void => {
      for (const a of from) for (const b of to) closedWays.add(way(canonical(a), canonical(b)))
    }

    const stateOf = ({ acceptor, dialer }: Link): ConnectionInfo["state"] => {
      if (dialer.state === "open" && acceptor.state === "open") return "open"
      return dialer.state === "opening" ? "opening" : "closing"
    }

    const held = (end: End): number =>
      end.outbox.reduce((sum, chunk) => sum + chunk.length, -end.offset) + end.flying + end.unread

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const link of links) {
          vanish(link.dialer, closed(link.dialer))
          vanish(link.acceptor, closed(link.acceptor))
        }
        for (const node of nodes) node.alive = false
      }),
    )

    return SimNetwork.of({
      transport: (hostName, port = defaultPort) => {
        const host = canonical(hostName)
        return Layer.effect(Transport.Transport)(
          Effect.acquireRelease(
            Effect.sync(() => {
              const node: Node = { host, alive: true }
              nodes.add(node)
              if (darkHosts.delete(host)) release()
              return node
            }),
            (node) => Effect.sync(() => nodes.delete(node)),
          ).pipe(
            Effect.map((node) => ({
              listen: listen(node, port),
              connect: (address: Address.Address) => connect(node, address),
            })),
          ),
        )
      },
      partition: (hostsA, hostsB) =>
        Effect.sync(() => {
          closeWays(hostsA, hostsB)
          closeWays(hostsB, hostsA)
        }),
      partitionOneWay: (from, to) => Effect.sync(() => closeWays(from, to)),
      heal: Effect.sync(() => {
        closedWays.clear()
        release()
      }),
      cut: (hostA, hostB) =>
        Effect.sync(() => {
          for (const { acceptor, address, dialer } of between(hostA, hostB)) {
            const why = `the connection between ${dialer.host} and ${acceptor.host} was cut`
            if (acceptor.state === "opening") acceptor.state = "gone"
            vanish(acceptor, error("closed", why))
            vanish(dialer, dialer.state === "opening" ? error("refused", `${address}: ${why}`) : error("closed", why))
          }
        }),
      crash: (hostName, how) =>
        Effect.sync(() => {
          const host = canonical(hostName)
          const reason = error("closed", `${host} has crashed`)
          for (const node of nodes) {
            if (node.host !== host) continue
            node.alive = false
            nodes.delete(node)
          }
          if (how?.silent === true) darkHosts.add(host)
          for (const listener of [...listeners.values()]) {
            if (listener.node.host !== host) continue
            listeners.delete(listener.address)
            listener.accept = undefined
            listener.backlog.length = 0
          }
          for (const link of [...links]) {
            for (const end of [link.dialer, link.acceptor]) {
              if (end.host !== host) continue
              // A dial that has not arrived will find nobody.
              if (end === link.acceptor && end.state === "opening") continue
              if (how?.silent !== true) {
                reset(end, reason)
                continue
              }
              end.arrival?.cancel()
              end.arrival = undefined
              end.wire = []
              end.flying = 0
              if (link.acceptor.state === "opening") link.acceptor.state = "gone"
              vanish(end, reason)
            }
          }
        }),
      setLatency: (value) =>
        Effect.sync(() => {
          latency = value
        }),
      inspect: Effect.sync(() => ({
        listeners: [...listeners.keys()],
        connections: [...links].map((link) => ({
          from: link.dialer.host,
          to: link.address,
          state: stateOf(link),
          held: held(link.dialer) + held(link.acceptor),
        })),
      })),
      connections: (hostA, hostB) =>
        Effect.sync(() => between(hostA, hostB).filter((link) => stateOf(link) === "open").length),
      bytes: (from, to) => Effect.sync(() => arrived.get(way(canonical(from), canonical(to))) ?? 0),
    })
  })

/** A network as a layer. */
export const layer = (options?: Options): Layer.Layer<SimNetwork> => Layer.effect(SimNetwork)(make(options))
