/**
 * Wires the floors together: membership decides, links carry, the inbox and the events face the
 * application. Everything runs in one scope of its own, which ends when the node has left.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Address from "../Address.ts"
import { Admission } from "../Admission.ts"
import type { Cluster, Options, Self } from "../Cluster.ts"
import * as ClusterError from "../ClusterError.ts"
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import { Discovery } from "../Discovery.ts"
import * as Entropy from "../Entropy.ts"
import { FailureDetector } from "../FailureDetector.ts"
import * as Protocol from "../protocol/constants.ts"
import type { ByeCode } from "../protocol/Frame.ts"
import { Gossip } from "../Gossip.ts"
import { monotonicMillis } from "../internal/time.ts"
import { withMicrotaskScheduler } from "../internal/MicrotaskScheduler.ts"
import * as Limits from "../Limits.ts"
import type { HandshakeRejected } from "../link/Handshake.ts"
import { isTransientCode } from "../link/Handshake.ts"
import * as Dialer from "../peering/Dialer.ts"
import * as LinkManager from "../peering/LinkManager.ts"
import * as MembershipLoop from "../peering/MembershipLoop.ts"
import { type Overrides, defaults as defaultParts } from "../peering/Overrides.ts"
import { TokenBucket } from "../internal/TokenBucket.ts"
import type { Output } from "../membership/Draft.ts"
import * as Settings from "../membership/Settings.ts"
import type { StopReason } from "../membership/State.ts"
import * as State from "../membership/State.ts"
import * as LaneReaders from "../messaging/LaneReaders.ts"
import * as Mailbox from "../messaging/Mailbox.ts"
import * as Sender from "../messaging/Sender.ts"
import type { Peer } from "../Peer.ts"
import { nameOf } from "../Peer.ts"
import { nameProblem } from "../protocol/PeerName.ts"
import { Reconnect } from "../Reconnect.ts"
import { Transport } from "../Transport.ts"
import { checkOptions, metadataProblem, parseAll, policyProblem } from "./checkOptions.ts"
import * as EventHub from "./EventHub.ts"
import { logEvent } from "./logEvent.ts"
import * as Metrics from "./Metrics.ts"

/** The Bye that goes with each way of stopping. */
const byeOf: { readonly [R in StopReason]: ByeCode } = {
  left: "left",
  superseded: "superseded",
  evicted: "left",
}

/** Makes a node. Its metrics, spans and lines of the log say which node of which cluster it is. */
export const make = (options: Options, parts: Overrides = defaultParts) =>
  Effect.flatMap(Entropy.Entropy, (entropy) => {
    const name = options.name ?? Entropy.id(entropy)
    const labels: Metrics.Labels = { cluster: options.cluster, node: name }
    return withMicrotaskScheduler(Effect.annotateLogs(makeNamed({ ...options, name }, labels, parts), labels))
  })

const makeNamed = Effect.fnUntraced(function* (
  options: Options & { readonly name: string },
  labels: Metrics.Labels,
  parts: Overrides,
) {
  const checked = yield* Effect.fromResult(checkOptions(options))
  const transport = yield* Transport
  const detector = yield* FailureDetector
  const gossip = yield* Gossip
  const discovery = yield* Discovery
  const unusable = policyProblem({ detector, gossip, discovery })
  if (unusable !== undefined) return yield* unusable
  const reconnect = yield* Reconnect
  const admission = yield* Admission
  const entropy = yield* Entropy.Entropy
  const clock = yield* Clock.Clock
  const limits: Limits.Limits = { ...Limits.defaults, ...options.limits }

  const outer = yield* Effect.scope
  const inner = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  const within = Effect.provideService(Scope.Scope, inner)

  const metrics = yield* within(Metrics.make(labels, clock))
  const listener = yield* within(transport.listen)
  const wall = clock.currentTimeMillisUnsafe()
  const heartbeat = Duration.toMillis(detector.heartbeat)
  const linkTimeout = Duration.toMillis(detector.linkTimeout)
  const loop = yield* MembershipLoop.make({
    step: parts.step,
    initial: State.make({
      settings: {
        ...Settings.defaults,
        heartbeat,
        linkTimeout,
        probeTimeout: Duration.toMillis(detector.probeTimeout),
        probeFanOut: detector.probeFanOut,
        suspicionMin: Duration.toMillis(detector.suspicionMin),
        suspicionMax: Duration.toMillis(detector.suspicionMax),
        updateDelay: Duration.toMillis(gossip.updateDelay),
        relayFanOut: gossip.relayFanOut,
        syncInterval: Duration.toMillis(gossip.syncInterval),
      },
      self: {
        name: options.name,
        generation: Math.max(1, Math.floor(wall)),
        incarnation: 0,
        status: "alive",
        body: {
          addresses: checked.advertise.length > 0 ? checked.advertise : [listener.address],
          metadata: options.metadata ?? {},
          versionMin: Protocol.protocolVersion,
          versionMax: Protocol.protocolVersion,
          features: [],
        },
      },
      now: monotonicMillis(clock),
      wall,
      seed: entropy.u32(),
    }),
    clock,
    capacity: limits.membershipQueue,
    pulse: heartbeat,
  })
  const inbox = yield* Mailbox.make(limits.inboxWindow + limits.messageBytes)
  const hub = EventHub.make(limits.eventBuffer)
  const publish = (event: ViewChange | Notice, view = loop.state().view): void => {
    metrics.event(event)
    hub.publish(event, view)
  }
  const lanes = yield* LaneReaders.make({
    limits,
    opened: (each) => {
      for (const link of links.all()) link.openLanes([each])
    },
    closed: (each) => {
      for (const link of links.heard()) link.closeLane(each)
    },
    dropped: metrics.dropped,
    died: metrics.died,
  })
  const links: LinkManager.LinkManager = yield* within(
    LinkManager.make({
      label: options.cluster,
      parts,
      transport,
      loop,
      limits,
      timing: { heartbeat, linkTimeout },
      admission,
      entropy,
      clock,
      tally: metrics.tally,
      lanes: lanes.names,
      sinkOf: (name) => (name === Protocol.inboxName ? inbox : lanes),
      onEnd: (link) => {
        const isKept = inbox.ended(link)
        return lanes.ended(link) && isKept
      },
      onSessionEnd: (peer, { session }) => lanes.sessionEnded(peer, session),
    }),
  )
  const dialer = yield* within(
    Dialer.make({
      loop,
      links,
      reconnect,
      discovery,
      healthy: linkTimeout,
      clock,
      onUnavailable: (address, reason) => publish({ _tag: "SeedUnavailable", address, reason }),
    }),
  )
  metrics.observe({ loop, links, hub, limits })

  // ---- what the discovery finds ----

  /** What is wrong with the set that is in use. One that is found again and again is told of once. */
  let faults = new Set<string>()

  const discovered = Effect.fnUntraced(function* (found: ReadonlyArray<string>) {
    const { addresses, problems } = parseAll(found.slice(0, limits.discovered))
    const before = faults
    faults = new Set(problems.map(({ message }) => message))
    if (found.length > limits.discovered) {
      faults.add(`of ${found.length} addresses the first ${limits.discovered} are asked (limits.discovered)`)
    }
    for (const fault of faults) if (!before.has(fault)) yield* Effect.logWarning(`discovery: ${fault}`)
    dialer.discovered(addresses)
  })

  // ---- what membership wishes ----

  const stopped = Deferred.makeUnsafe<StopReason>()
  const finished = Deferred.makeUnsafe<void>()

  const diagnostics = new TokenBucket(1, 20, monotonicMillis(clock))

  const perform = (output: Output, state: State.State): void => {
    switch (output._tag) {
      case "Send":
        return links.send(output.to, output.frame)
      case "PingNow":
        return links.pingNow(output.peer)
      case "CloseLink":
        return links.close(output.peer, output.code)
      case "Emit":
        // Others decide how often they say what cannot be true, so not each time is worth an event.
        if (output.event._tag === "Diagnostic" && !diagnostics.take(monotonicMillis(clock), 1)) return
        return publish(output.event, state.view)
      case "Stopped":
        Deferred.doneUnsafe(stopped, Effect.succeed(output.reason))
    }
  }

  const logging = yield* Effect.forkIn(Stream.runForEach(hub.events, logEvent), inner)

  /** Takes the node apart once it takes part no more. */
  const stopping = Effect.gen(function* () {
    const reason = yield* Deferred.await(stopped)
    yield* Effect.uninterruptible(
      Effect.gen(function* () {
        yield* links.closeAll(byeOf[reason])
        yield* inbox.end
        yield* lanes.end
        hub.end()
        // Why it stops is said in the last line of its log.
        yield* Fiber.await(logging)
        yield* Scope.close(inner, Exit.void)
        Deferred.doneUnsafe(finished, Effect.void)
      }),
    )
  })

  // A defect, as of a policy that throws, ends the node in good order instead of leaving it deaf.
  const membership = loop
    .run({
      perform,
      changed: (state, before) => {
        metrics.changed(state, before)
        dialer.reconcile(state)
      },
    })
    .pipe(
      Effect.ignoreCause({ log: "Error", message: "the membership died; this node stops" }),
      Effect.ensuring(Effect.sync(() => Deferred.doneUnsafe(stopped, Effect.succeed("left")))),
    )
  yield* Effect.forkIn(membership, inner)
  yield* Effect.forkIn(links.serve(listener), inner)
  yield* Effect.forkIn(
    Stream.runForEach(discovery.addresses, discovered).pipe(
      Effect.ignoreCause({ log: "Error", message: "the discovery died; what it found is kept" }),
    ),
    inner,
  )
  for (const address of checked.seeds) dialer.seed(address)
  yield* Effect.forkIn(stopping, outer)

  const isRunning = (): boolean => loop.state().phase._tag === "Running"

  const leaving = Effect.raceFirst(
    Effect.andThen(
      Effect.suspend(() => (isRunning() ? loop.submit({ _tag: "Leave" }) : Effect.void)),
      Effect.never,
    ),
    Deferred.await(finished),
  ).pipe(Effect.withSpan("Cluster.leave", { attributes: labels }))
  // Who closes the scope after it has left asks for nothing.
  const leave = Effect.suspend(() => (Deferred.isDoneUnsafe(finished) ? Effect.void : leaving))
  yield* Effect.addFinalizer(() => leave)

  // ---- what the application asks ----

  const sends = Sender.make({
    loop,
    links,
    limits,
    tracing: options.tracing ?? false,
    confirmed: metrics.confirmed,
    slow: (peer) => publish({ _tag: "SlowPeer", peer }),
  })

  const lane: Cluster["Service"]["lane"] = (name) => {
    const problem = nameProblem(name)
    return problem !== undefined
      ? Effect.fail(new ClusterError.OptionsError({ option: "lane", message: `a lane: ${problem}` }))
      : Effect.succeed({
          name,
          send: (peer, payload, how) => sends.send(name, peer, payload, how),
          publish: (payload) => sends.publish(name, payload),
          read: (how) => Stream.unwrap(lanes.open(name, how)),
          open: (how) => lanes.open(name, how),
          deadLetter: (message, reason) => lanes.deadLetter({ lane: name, message, reason }),
          deadLetters: lanes.deadLetters(name),
        })
  }

  const joining = Effect.fnUntraced(function* (input: string) {
    const parsed = Address.parse(input)
    if (Result.isFailure(parsed)) {
      return yield* new ClusterError.JoinError({
        reason: "badAddress",
        address: input,
        message: parsed.failure.message,
      })
    }
    const address = parsed.success
    const gone = Effect.andThen(Deferred.await(finished), () =>
      Effect.fail(
        new ClusterError.JoinError({ reason: "stopped", address, message: "this node has left the cluster" }),
      ),
    )
    if (!isRunning()) return yield* gone
    const link = yield* Effect.raceFirst(
      Effect.mapError(dialer.join(address), (error) => fromRejection(address, error)),
      gone,
    )
    const { name, generation, body } = link.peer
    dialer.seed(address, name)
    yield* Effect.annotateCurrentSpan({ peer: name, generation })
    const peer: Peer | undefined = loop.state().view.peers.get(name)
    const { addresses, metadata } = body
    return peer ?? ({ name, generation, status: "alive", link: "up", addresses, metadata } satisfies Peer)
  })

  const join: Cluster["Service"]["join"] = (address) =>
    joining(address).pipe(
      Effect.withSpan("Cluster.join", { attributes: { ...labels, address } }),
      // Connections that it makes outlive it, in fibers that take their annotations from here.
      Effect.annotateLogs(labels),
    )

  const self: Cluster["Service"]["self"] = Effect.sync((): Self => {
    const { body, generation, name } = loop.state().self
    return { name, generation, addresses: body.addresses, metadata: body.metadata }
  })

  const service: Cluster["Service"] = {
    self,
    peers: Effect.sync(() => [...loop.state().view.peers.values()]),
    view: Effect.sync(() => loop.state().view),
    views: hub.views,
    events: hub.events,
    inbox: inbox.stream,
    join,
    send: (peer, payload, how) => sends.send(Protocol.inboxName, peer, payload, how),
    sendAll: sends.sendAll,
    broadcast: (payload) => sends.publish(Protocol.inboxName, payload),
    lane,
    disconnect: (peer) =>
      Effect.suspend(() =>
        isRunning() ? Effect.asVoid(loop.submitAndAwait({ _tag: "Disconnect", name: nameOf(peer) })) : Effect.void,
      ),
    updateMetadata: (metadata) =>
      Effect.suspend(() => {
        const problem = metadataProblem(metadata)
        if (problem !== undefined)
          return Effect.fail(new ClusterError.OptionsError({ option: "metadata", message: problem }))
        return isRunning()
          ? Effect.asVoid(loop.submitAndAwait({ _tag: "MetadataSet", metadata: { ...metadata } }))
          : Effect.void
      }),
    leave,
  }
  return service
})

/** A refused handshake, as the one who joins sees it. */
const fromRejection = (address: string, { by, code, message }: HandshakeRejected): ClusterError.JoinError => {
  const reason = isTransientCode(code) ? "denied" : code
  const who = by === "us" ? "this node refused" : "refused"
  return new ClusterError.JoinError({ reason, address, message: `${address} ${who}: ${message}` })
}
