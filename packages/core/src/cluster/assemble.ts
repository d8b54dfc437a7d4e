/**
 * Assembles the parts of a node: the membership decides, links carry messages, and readers and events serve the
 * application. Everything runs in one scope, which `Shutdown` closes when the node has left. This module contains no
 * logic of the parts.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Address } from "../Address.ts"
import { Admission } from "../Admission.ts"
import type { Notice, ViewChange } from "../ClusterEvent.ts"
import { Discovery } from "../Discovery.ts"
import { Entropy } from "../Entropy.ts"
import { FailureDetector } from "../FailureDetector.ts"
import { Gossip } from "../Gossip.ts"
import { annotateCompactly } from "../internal/logAnnotations.ts"
import * as LogBudget from "../internal/LogBudget.ts"
import { withMicrotaskScheduler } from "../internal/MicrotaskScheduler.ts"
import { monotonicMillis } from "../internal/time.ts"
import * as Limits from "../Limits.ts"
import * as DeadLetters from "../messaging/DeadLetters.ts"
import type * as State from "../membership/State.ts"
import * as LaneReaders from "../messaging/LaneReaders.ts"
import { ReadingPeers } from "../messaging/ReadingPeers.ts"
import { Sender } from "../messaging/Sender.ts"
import * as Dialer from "../peering/Dialer.ts"
import * as LinkManager from "../peering/LinkManager.ts"
import { LonelyPause } from "../peering/LonelyPause.ts"
import * as MembershipLoop from "../peering/MembershipLoop.ts"
import { ObservedHosts } from "../peering/ObservedHosts.ts"
import { SeedAvailability } from "../peering/SeedAvailability.ts"
import type * as PeerConnections from "../peering/PeerConnections.ts"
import { Reconnect } from "../Reconnect.ts"
import { TopicSerialization } from "../TopicSerialization.ts"
import { Watchers } from "../peering/Watchers.ts"
import { Transport } from "../Transport.ts"
import { advertiseProblem, type Checked, checkOptions } from "./checkOptions.ts"
import { policyProblem } from "./checkPolicies.ts"
import { DiagnosticLimiter } from "./DiagnosticLimiter.ts"
import { DiscoveredAddresses } from "./DiscoveredAddresses.ts"
import { EventHub } from "./EventHub.ts"
import { Inspector } from "./Inspector.ts"
import { initialState, randomInstance, randomName } from "./initialState.ts"
import { Joiner } from "./Joiner.ts"
import { logEvent } from "./logEvent.ts"
import { makeService } from "./makeService.ts"
import * as Metrics from "./Metrics.ts"
import { OutputHandler } from "./OutputHandler.ts"
import * as NodeContext from "./nodeContext.ts"
import { Overrides } from "./Overrides.ts"
import { describePolicies, type Policies } from "./policies.ts"
import { seedUnavailable } from "./refusals.ts"
import { defaultFailOn, SeedOutcomes } from "./SeedOutcomes.ts"
import type { Options } from "./Service.ts"
import { Shutdown } from "./Shutdown.ts"
import { Starter } from "./Starter.ts"
import { StatusTracker } from "./StatusTracker.ts"

/** Makes a node. The labels on its metrics, spans and log lines identify the node and its cluster. */
export const make = (options: Options) =>
  Effect.flatMap(Entropy, (entropy) => {
    const name = options.name ?? randomName(entropy)
    const labels: Metrics.Labels = { cluster: options.cluster, node: name }
    const node = annotateCompactly(labels)(assemble({ ...options, name }, labels))
    return options.process?.microtasks === false ? node : withMicrotaskScheduler(node)
  })

const assemble = Effect.fnUntraced(function* (options: Options & { readonly name: string }, labels: Metrics.Labels) {
  const inNodeContext = yield* NodeContext.make
  const checked = yield* Effect.fromResult(checkOptions(options))
  const environment = yield* readEnvironment
  const limits: Limits.Limits = Limits.make(options.limits)
  const outer = yield* Effect.scope
  const inner = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  const rooms = yield* Effect.provideService(
    makeRooms({ ...options, ...checked, labels, limits, environment }),
    Scope.Scope,
    inner,
  )
  const { deadLetters, dialer, hub, links, log, loop, metrics, observedHosts, publish, readers, readingPeers } = rooms
  const { inspector, outcomes, status } = rooms
  const logging = yield* Effect.forkIn(
    Stream.runForEach(hub.events, (event) => logEvent(event, log)),
    inner,
  )
  const shutdown = new Shutdown({
    loop,
    links,
    readers,
    readingPeers,
    deadLetters,
    hub,
    status,
    logging,
    scope: inner,
    labels,
  })
  yield* runMembership({ ...rooms, environment, shutdown }, inner)
  const found = new DiscoveredAddresses(limits.discovered, log, (addresses) => {
    status.discovered(addresses)
    dialer.setDiscovered(addresses)
  })
  const starter = new Starter({
    ...rooms,
    discovery: environment.discovery,
    found,
    seeds: checked.seeds,
    // One dial is a connection and a handshake.
    settleTimeout: 2 * limits.handshakeTimeout,
    scope: inner,
  })
  yield* options.start === "manual" ? Effect.forkIn(starter.watch, inner) : starter.start
  yield* Effect.forkIn(shutdown.watch, inner)
  yield* Effect.forkIn(shutdown.run, outer)
  yield* Effect.addFinalizer(() => shutdown.leave("its scope closes"))
  const sender = new Sender({
    loop,
    links,
    loopback: readers.loopback,
    limits,
    clock: environment.clock,
    tracing: options.tracing ?? false,
    onConfirmed: (outcome) => metrics.messages.confirmed(outcome),
    onSlowPeer: publish,
    sent: (lane) => metrics.messages.sent.of(lane),
    onPublishFailed: (lane, reason) => metrics.messages.publishFailed(lane, reason),
    onSkipped: (lane) => metrics.messages.skipped(lane),
  })
  yield* Effect.forkIn(sender.watch, inner)
  yield* Effect.forkIn(readers.watch, inner)
  yield* Effect.logInfo(startLine(loop.state(), options.cluster, environment))
  const { serialization } = environment
  const joiner = new Joiner({
    loop,
    dialer: {
      join: (address) => dialer.join(address),
      addSeed: (address, answeredBy) => {
        outcomes.addSeed(address, "join")
        dialer.addSeed(address, answeredBy)
      },
    },
    shutdown,
    labels,
    inNodeContext,
  })
  return makeService({
    loop,
    links,
    hub,
    sender,
    readers,
    readingPeers,
    deadLetters,
    joiner,
    observedHosts,
    status,
    inspector,
    start: inNodeContext(starter.start),
    shutdown,
    serialization,
    limits,
    metrics: metrics.added,
    log: { write: (line) => annotateCompactly(labels)(log.write(line)) },
  })
})

/** Returns the log line that describes the configuration of the node. */
const startLine = ({ self }: State.State, cluster: string, policies: Policies): string =>
  `this node is "${self.name}" in the cluster "${cluster}", at ${self.body.addresses.join(", ")}; ` +
  `policies: ${describePolicies(policies)}`

/** Reads everything that the application provides: the transport, the policies, and the replacements of tests. */
const readEnvironment = Effect.gen(function* () {
  const transport = yield* Transport
  const detector = yield* FailureDetector
  const gossip = yield* Gossip
  const discovery = yield* Discovery
  const serialization = yield* TopicSerialization
  const problem = policyProblem({ detector, gossip, discovery, serialization })
  if (problem !== undefined) return yield* problem
  return {
    transport,
    detector,
    gossip,
    discovery,
    serialization,
    reconnect: yield* Reconnect,
    admission: yield* Admission,
    entropy: yield* Entropy,
    clock: yield* Clock.Clock,
    overrides: yield* Overrides,
  }
})

type Environment = Effect.Success<typeof readEnvironment>

interface RoomOptions extends Omit<Options, "limits" | "name" | "seeds">, Checked {
  readonly name: string
  readonly labels: Metrics.Labels
  readonly limits: Limits.Limits
  readonly environment: Environment
}

/** Makes the membership of a node with these addresses. */
const makeLoop = Effect.fnUntraced(function* (options: RoomOptions, addresses: ReadonlyArray<Address>) {
  const problem = advertiseProblem(addresses)
  if (problem !== undefined) return yield* problem
  const { environment, limits } = options
  const { clock, detector, entropy, gossip, overrides } = environment
  return yield* MembershipLoop.make({
    step: overrides.step,
    initial: initialState({
      name: options.name,
      addresses,
      metadata: options.metadata ?? {},
      detector,
      gossip,
      wall: clock.currentTimeMillisUnsafe(),
      now: monotonicMillis(clock),
      seed: entropy.u32(),
      instance: randomInstance(entropy),
    }),
    clock,
    capacity: limits.membershipQueue,
    share: limits.membershipShare,
    pulse: Duration.toMillis(detector.heartbeat),
  })
})

/** Makes the parts of the node in its scope, lowest layer first. Nothing runs yet. */
const makeRooms = Effect.fnUntraced(function* (options: RoomOptions) {
  const { environment, limits } = options
  const detachBuffers = options.process?.detachBuffers ?? true
  const { clock, detector, discovery, entropy, overrides, reconnect, transport } = environment
  const metrics = yield* Metrics.make(options.labels, { clock, lanes: limits.laneLabels })
  // Before the transport listens, so that it counts what arrives from then on.
  if (transport.addMetrics !== undefined) yield* transport.addMetrics(metrics.added)
  const listener = yield* transport.listen
  const heartbeat = Duration.toMillis(detector.heartbeat)
  const idleHeartbeat = Duration.toMillis(detector.idleHeartbeat)
  const linkTimeout = Duration.toMillis(detector.linkTimeout)
  const loop = yield* makeLoop(options, listener.addresses)
  const watchers = new Watchers(options.name, detector.watchers)
  const log = yield* LogBudget.make
  const observedHosts = new ObservedHosts()
  const hub = new EventHub({ view: () => loop.state().view, capacity: limits.eventBuffer })
  const publish = (event: ViewChange | Notice): void => {
    metrics.event(event)
    hub.publish(event)
    readers.onEvent(event)
  }
  const readers = yield* LaneReaders.make({
    limits,
    self: () => loop.state().self,
    view: () => loop.state().view,
    onOpened: (lane) => {
      links.openLane(lane)
      readingPeers.changed(lane.name)
    },
    onClosed: (name) => {
      links.closeLane(name)
      readingPeers.changed(name)
    },
    onLost: (name, strategy) => metrics.messages.lost(name, strategy),
    received: (name) => metrics.messages.received.of(name),
    log,
    onFailed: (name) => metrics.messages.readerFailed(name),
    isRunning: () => loop.state().phase._tag === "Running",
  })
  const deadLetters = yield* DeadLetters.make({ log, onLetter: (lane) => metrics.messages.deadLetter(lane) })
  const readingPeers: ReadingPeers = makeReadingPeers(() => links, loop, readers)
  const links: LinkManager.LinkManager = yield* LinkManager.make({
    label: options.cluster,
    connections: overrides.makePeerConnections({
      ...sessionHooks(readers, readingPeers),
      remembered: limits.links,
    }),
    laneFactories: {
      ...overrides,
      makeReceiveLane: (lane) => overrides.makeReceiveLane({ ...lane, detachBuffers }),
    },
    detachBuffers,
    transport,
    loop,
    limits,
    timing: { heartbeat, idleHeartbeat, linkTimeout },
    watchers,
    admission: environment.admission,
    entropy,
    clock,
    observer: metrics.observer,
    lanes: readers.openLanes,
    laneObserver: readingPeers,
    sinkOf: readers.sinkOf,
    observedHosts,
    outlivesNamesake: () => status.outlivesNamesake(),
    renew: (link, dialed) => dialer.renew(link, dialed),
    log,
  })
  const outcomes = new SeedOutcomes({
    failOn: options.failOn ?? defaultFailOn,
    namesakeTimeout: linkTimeout,
    // An older process without a link dials again within this interval. This assumes that both processes have the same
    // policies.
    olderTimeout: linkTimeout + Duration.toMillis(discovery.intervalAlone),
  })
  const status: StatusTracker = new StatusTracker({ clock, outcomes, state: loop.state })
  const pause = new LonelyPause(loop, discovery)
  const dialer = yield* Dialer.make({
    loop,
    links,
    reconnect,
    discovery,
    pause,
    healthy: linkTimeout,
    clock,
    availability: new SeedAvailability({
      log,
      onUnavailable: (address, error) => publish(seedUnavailable(address, error)),
    }),
    onTried: (address, error, answeredBy) => status.tried(address, error, answeredBy),
    log,
    makeLinkRenewer: overrides.makeLinkRenewer,
  })
  metrics.showNode({ loop, links, hub, limits })
  const known = { loop, links, hub, dialer, outcomes, status, observedHosts }
  const inspector = new Inspector({ ...options, ...environment, ...known })
  return {
    metrics,
    listener,
    log,
    loop,
    hub,
    publish,
    readers,
    readingPeers,
    deadLetters,
    links,
    dialer,
    pause,
    observedHosts,
    outcomes,
    status,
    inspector,
    watchers,
  }
})

/** Returns the callbacks with which the connections notify the readers of lanes. */
const sessionHooks = (
  readers: LaneReaders.LaneReaders,
  readingPeers: ReadingPeers,
): Pick<PeerConnections.Options, "onEnd" | "onSessionStart" | "onSessionEnd"> => ({
  onEnd: readers.linkEnded,
  onSessionStart: (peer, session) => {
    readers.sessionStarted(peer, session)
    readingPeers.changed()
  },
  onSessionEnd: readers.sessionEnded,
})

const makeReadingPeers = (
  links: () => LinkManager.LinkManager,
  loop: MembershipLoop.MembershipLoop,
  readers: LaneReaders.LaneReaders,
): ReadingPeers =>
  new ReadingPeers({
    current: () => links().all(),
    siblings: (link) => links().siblings(link),
    self: () => loop.state().self,
    ownOpening: readers.openingOf,
  })

type Rooms = Effect.Success<ReturnType<typeof makeRooms>>

interface MembershipOptions extends Rooms, Pick<RoomOptions, "environment"> {
  readonly shutdown: Shutdown
}

/** Runs the membership of a node in its scope. */
const runMembership = (node: MembershipOptions, scope: Scope.Scope) => {
  const { dialer, environment, links, loop, metrics, publish, shutdown, status, watchers } = node
  const outputs = new OutputHandler({
    links,
    diagnostics: new DiagnosticLimiter(environment.clock),
    publish,
    onStopped: shutdown.start,
  })
  const membership = loop.run({
    perform: outputs.perform,
    changed: (state, before) => {
      watchers.update(state, before)
      metrics.changed(state, before)
      dialer.reconcile(state)
      status.changed()
    },
  })
  return Effect.forkIn(
    // A defect, for example of a policy that throws, ends the node in an orderly way instead of leaving it without a
    // membership.
    Effect.onExit(membership, (exit) =>
      Effect.sync(() => (Exit.isFailure(exit) ? shutdown.died(exit.cause) : undefined)),
    ).pipe(Effect.ignoreCause({ log: "Error", message: "the membership failed with a defect; this node stops" })),
    scope,
  )
}
