/** Command line of `coterie`. The modules of `effect/cli` are unstable, so only this module and `text.ts` use them. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Actions from "./actions.ts"
import * as AdminClient from "./AdminClient.ts"
import * as Cluster from "./cluster.ts"
import { type CommandError, misuse } from "./CommandError.ts"
import * as Debug from "./debug.ts"
import * as Doctor from "./doctor.ts"
import * as Events from "./events.ts"
import { type ExitCode, exits } from "./exits.ts"
import * as Health from "./health.ts"
import * as Info from "./info.ts"
import { loadProbe } from "./loadProbe.ts"
import * as Members from "./members.ts"
import * as Reachability from "./reachability.ts"
import * as Rtt from "./rtt.ts"
import type { Color, Session } from "./Session.ts"
import * as State from "./state.ts"
import { printable } from "./text.ts"
import * as Wait from "./wait.ts"

/** Process of the command: its arguments, its output, its signals and its exit code. */
export interface Invocation {
  readonly version: string
  readonly args: ReadonlyArray<string>
  /** Prints a result. */
  readonly print: (text: string) => void
  /** Prints an error or progress. */
  readonly printError: (text: string) => void
  /** `true` if the output is a terminal that shows colors. */
  readonly showsColors: boolean
  readonly interrupt: Effect.Effect<void>
  readonly exit: (code: number) => void
}

/** URL of a service with the default options, on this machine. */
const defaultUrl = "http://127.0.0.1:24869"

const defaultTimeout = "10s"

/** Parses a time such as `500ms`, `90s` or `10m`. Returns milliseconds. */
const readTime = (flag: string, text: string): Effect.Effect<number, CommandError> => {
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? []
  const millis = Number(amount) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? 0)
  return millis > 0
    ? Effect.succeed(millis)
    : Effect.fail(misuse(`--${flag} ${printable(text)} is not a time: write 500ms, 10s or 2m`))
}

const shared = {
  url: Flag.String("url").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription(
      `Admin service: http://HOST:PORT or unix:PATH (COTERIE_ADMIN_URL; default: ${defaultUrl}). ` +
        "cluster, reachability, rtt and doctor take several and merge the reports",
    ),
    Flag.atLeast(0),
  ),
  tokenFile: Flag.FileText("token-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("File with the token (otherwise COTERIE_ADMIN_TOKEN has the token)"),
    Flag.optional,
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON document, or one per line with --follow and --watch"),
    Flag.withDefault(false),
  ),
  timeout: Flag.String("timeout").pipe(
    Flag.withMetavar(defaultTimeout),
    Flag.withDescription(`Maximum time for a response: 500ms, 10s, 2m (default: ${defaultTimeout})`),
    Flag.withDefault(defaultTimeout),
  ),
  color: Flag.Boolean("color").pipe(
    Flag.withDescription("Color the output on a terminal (default); --no-color and NO_COLOR do not"),
    Flag.withDefault(true),
  ),
}

type Shared = Command.Command.Config.Infer<typeof shared>

const colors: { readonly [Name in Color]: number } = { red: 31, green: 32, yellow: 33 }

const coterie = Command.make("coterie").pipe(
  Command.withDescription("Shows a Coterie cluster through the admin service of a node, and operates the node"),
  Command.withSharedFlags(shared),
)

/** Returns the URLs of the flags, or of the configuration. */
const urlsOf = ({ url }: Shared) =>
  url.length > 0
    ? Effect.succeed(url)
    : Effect.map(Config.option(Config.String("COTERIE_ADMIN_URL")), (found) => [
        Option.getOrElse(Option.filter(found, Boolean), () => defaultUrl),
      ])

const tokenOf = ({ tokenFile }: Shared) =>
  Effect.map(Config.option(Config.Redacted("COTERIE_ADMIN_TOKEN")), (found) => {
    const file = Option.map(tokenFile, (text) => Redacted.make(text.trim()))
    return Option.getOrUndefined(Option.orElse(file, () => found))
  })

/** Makes the part of a session that asks no service. */
const terminal = Effect.fnUntraced(function* (invocation: Invocation, given: Shared) {
  return {
    json: given.json,
    timeout: yield* readTime("timeout", given.timeout),
    print: (...lines: ReadonlyArray<string>) =>
      Effect.sync(() => invocation.print(lines.map((line) => `${line}\n`).join(""))),
    note: (line: string) => Effect.sync(() => invocation.printError(`${line}\n`)),
    paint: (color: Color, text: string) =>
      invocation.showsColors && given.color ? `\u001b[${colors[color]}m${text}\u001b[0m` : text,
  }
})

type Action = (session: Session) => Effect.Effect<ExitCode, CommandError>

/** Runs a subcommand that asks services. */
const withSession = Effect.fnUntraced(function* (invocation: Invocation, action: Action) {
  const given = yield* coterie
  const parts = yield* terminal(invocation, given)
  const token = yield* Effect.mapError(tokenOf(given), ({ message }) => misuse(printable(message)))
  const urls = yield* Effect.mapError(urlsOf(given), ({ message }) => misuse(printable(message)))
  const clients = yield* Effect.forEach(urls, (url) => AdminClient.make({ url, token, timeout: parts.timeout }))
  invocation.exit(yield* action({ ...parts, clients }))
}, Effect.scoped)

const name = (metavar: string, description: string) =>
  Argument.String(metavar).pipe(Argument.withDescription(description))

const pair = {
  names: name("NAME", "One or two members (default: all pairs)").pipe(Argument.between(0, 2)),
}

/** Subcommands that show a node. */
const nodeCommands = (on: (action: Action) => ReturnType<typeof withSession>) => [
  Command.make(
    "members",
    { watch: Flag.Boolean("watch").pipe(Flag.withDescription("Print again every 2 seconds"), Flag.withDefault(false)) },
    (flags) => on((session) => Members.run(session, flags)),
  ).pipe(Command.withDescription("List the members as one node sees them")),
  Command.make(
    "info",
    { name: name("NAME", "Another node (default: the node at --url)").pipe(Argument.optional) },
    (flags) => on((session) => Info.run(session, { name: Option.getOrUndefined(flags.name) })),
  ).pipe(Command.withDescription("Show one node: identity, phase, queues, and the addresses that it dials")),
  Command.make(
    "state",
    {
      kind: name("KIND", "map, presence, values, ... (default: all)").pipe(Argument.optional),
      name: name("NAME", "Name of one of this kind").pipe(Argument.optional),
    },
    (flags) =>
      on((session) =>
        State.run(session, { kind: Option.getOrUndefined(flags.kind), name: Option.getOrUndefined(flags.name) }),
      ),
  ).pipe(
    Command.withDescription("Show the maps, presences and values that a node shares; exit code 1 if there is none"),
    Command.withShortDescription("Show the maps, presences and values that a node shares"),
  ),
]

/** Subcommands that show the cluster. */
const clusterCommands = (on: (action: Action) => ReturnType<typeof withSession>) => [
  Command.make("cluster", {}, () => on(Cluster.run)).pipe(
    Command.withDescription("Show the cluster as every member sees it; exit code 1 if something is wrong"),
    Command.withShortDescription("Show the cluster as every member sees it"),
  ),
  Command.make("reachability", pair, (flags) => on((session) => Reachability.run(session, flags))).pipe(
    Command.withDescription("List the pairs of members without a link, and what to try; exit code 1 if there are any"),
    Command.withShortDescription("List the pairs of members without a link, and what to try"),
  ),
  Command.make("rtt", pair, (flags) => on((session) => Rtt.run(session, flags))).pipe(
    Command.withDescription("Show measured round-trip times; exit code 1 if the two members have no link"),
    Command.withShortDescription("Show measured round-trip times"),
  ),
]

const eventCommands = (on: (action: Action) => ReturnType<typeof withSession>) => [
  Command.make(
    "events",
    {
      follow: Flag.Boolean("follow").pipe(
        Flag.withDescription(
          "Print events as they occur, from a snapshot or from --since. If the stream ends, try again for --timeout",
        ),
        Flag.withDefault(false),
      ),
      only: Flag.String("only").pipe(
        Flag.withMetavar("Failed,..."),
        Flag.withDescription("Print only these events"),
        Flag.withDefault(""),
      ),
      since: Flag.String("since").pipe(
        Flag.withMetavar("ID"),
        Flag.withDescription("Begin after the event with this id"),
        Flag.optional,
      ),
    },
    ({ follow, only, since }) =>
      on((session) =>
        Events.run(session, {
          follow,
          only: only
            .split(",")
            .map((tag) => tag.trim())
            .filter(Boolean),
          since: Option.getOrUndefined(since),
        }),
      ),
  ).pipe(Command.withDescription("Print the events that a node keeps")),
  Command.make(
    "health",
    {
      check: name("CHECK", "started, live or ready (default: ready)").pipe(Argument.optional),
    },
    (flags) =>
      on((session) => {
        const wanted = Option.getOrElse(flags.check, () => "ready")
        const check = Health.checks.find((each) => each === wanted)
        return check === undefined
          ? Effect.fail(misuse(`${printable(wanted)} is not a check: write started, live or ready`))
          : Health.run(session, { check })
      }),
  ).pipe(
    Command.withDescription("Show the health of a node; exit code 1 if it is unavailable"),
    Command.withShortDescription("Show the health of a node"),
  ),
  Command.make(
    "wait",
    {
      members: Flag.Int("members").pipe(
        Flag.withMetavar("N"),
        Flag.withDescription("Until the node lists N members or more, itself included"),
        Flag.optional,
      ),
      ready: Flag.Boolean("ready").pipe(Flag.withDescription("Until the node is ready"), Flag.withDefault(false)),
      one: Flag.Boolean("one").pipe(
        Flag.withDescription("Until the level of the cluster is ok"),
        Flag.withDefault(false),
      ),
      for: Flag.String("for").pipe(
        Flag.withMetavar("5s"),
        Flag.withDescription("Time for which the condition must hold"),
        Flag.optional,
      ),
    },
    ({ for: hold, members, one, ready }) =>
      on((session) =>
        Effect.gen(function* () {
          const holdMillis = Option.isNone(hold) ? 0 : yield* readTime("for", hold.value)
          return yield* Wait.run(session, { members: Option.getOrUndefined(members), one, ready, holdMillis })
        }),
      ),
  ).pipe(
    Command.withDescription("Wait for a condition, for --timeout at most; exit code 1 if the time is over"),
    Command.withShortDescription("Wait for a condition"),
  ),
]

/** Subcommands that change a node. */
const changeCommands = (on: (action: Action) => ReturnType<typeof withSession>) => [
  Command.make("join", { address: name("ADDRESS", "HOST:PORT of a peer") }, (flags) =>
    on((session) => Actions.join(session, flags)),
  ).pipe(Command.withDescription("Join a peer; exit code 1 if no peer has answered in time")),
  Command.make(
    "leave",
    { wait: Flag.Boolean("wait").pipe(Flag.withDescription("Wait until the node has left"), Flag.withDefault(false)) },
    (flags) => on((session) => Actions.leave(session, flags)),
  ).pipe(Command.withDescription("Leave the cluster; the process of the node continues")),
  Command.make("disconnect", { name: name("NAME", "Name of the peer") }, (flags) =>
    on((session) => Actions.disconnect(session, flags)),
  ).pipe(Command.withDescription("End the link to a peer, and do not dial it any more")),
  Command.make("metadata").pipe(
    Command.withDescription("Show or change the metadata of a node"),
    Command.withSubcommands([
      Command.make("get", {}, () => on(Actions.getMetadata)).pipe(Command.withDescription("Show the metadata")),
      Command.make(
        "set",
        {
          entries: name("KEY=VALUE", "Entries to set").pipe(Argument.atLeast(1)),
          replace: Flag.Boolean("replace").pipe(
            Flag.withDescription("Remove all other entries"),
            Flag.withDefault(false),
          ),
        },
        (flags) => on((session) => Actions.setMetadata(session, flags)),
      ).pipe(Command.withDescription("Set entries of the metadata; the other entries stay")),
    ]),
  ),
]

const probeFlag = (flag: string, metavar: string, description: string) =>
  Flag.String(flag).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

/** Flags of the proof of a probe. Without them it uses plain TCP. */
const proof = {
  secretFile: probeFlag("secret-file", "FILE", "File with the secrets of the cluster"),
  certificate: probeFlag("cert", "FILE", "Certificate in PEM"),
  key: probeFlag("key", "FILE", "Private key of the certificate in PEM"),
  authorities: probeFlag("ca", "FILE", "Authorities in PEM"),
  trust: Flag.String("trust").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("Name that the certificate of the node needs, such as *.shop.internal; repeatable"),
    Flag.atLeast(0),
  ),
}

const proofOf = ({ authorities, certificate, key, secretFile, trust }: Command.Command.Config.Infer<typeof proof>) => ({
  secretFile: Option.getOrUndefined(secretFile),
  certificate: Option.getOrUndefined(certificate),
  key: Option.getOrUndefined(key),
  authorities: Option.getOrUndefined(authorities),
  trust,
})

const probeCommand = (invocation: Invocation) =>
  Command.make(
    "probe",
    {
      address: name("ADDRESS", "HOST:PORT of a node"),
      cluster: probeFlag("cluster", "NAME", "Name of the cluster (default: a random name, which every node refuses)"),
      ...proof,
    },
    ({ address, cluster, ...given }) =>
      Effect.gen(function* () {
        const parts = yield* terminal(invocation, yield* coterie)
        const { run } = yield* Effect.mapError(loadProbe("probe"), misuse)
        invocation.exit(yield* run(parts, { address, cluster: Option.getOrUndefined(cluster), ...proofOf(given) }))
      }),
  ).pipe(
    Command.withDescription(
      "Ask the process at an address of the cluster who it is, without an admin service; exit code 1 if it refuses",
    ),
    Command.withShortDescription("Ask the process at an address who it is"),
  )

const supportCommands = (on: (action: Action) => ReturnType<typeof withSession>) => [
  Command.make(
    "doctor",
    {
      dns: probeFlag("dns", "NAME:PORT", "DNS name of the nodes, to find whether it leads to one cluster alone"),
      ...proof,
    },
    ({ dns, ...given }) => on((session) => Doctor.run(session, { dns: Option.getOrUndefined(dns), ...proofOf(given) })),
  ).pipe(
    Command.withDescription("Look for the cause of a problem, and say what to do; exit code 1 if a check fails"),
    Command.withShortDescription("Look for the cause of a problem, and say what to do"),
  ),
  Command.make("debug", {}, () => on(Debug.run)).pipe(
    Command.withDescription(
      "Print all reports and kept events as one JSON document for a report of a problem. It has names, addresses and " +
        "metadata, and no secrets",
    ),
    Command.withShortDescription("Print all reports and events for a report of a problem"),
  ),
]

/** Prints the errors of a command line without the whole help. */
const presenter = (invocation: Invocation) =>
  CliOutput.layerPresenter({
    present: (event) => {
      if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
      const { commandPath, errors } = event
      return Effect.map(CliOutput.Formatter, ({ formatErrors }) =>
        invocation.printError(`${formatErrors(errors).trim()}\n\nSee ${commandPath.join(" ")} --help.\n`),
      )
    },
  })

/** Makes the services that `effect/cli` needs, with the built-in flags that are useful here. */
const layer = (invocation: Invocation) =>
  Layer.mergeAll(
    NodeServices.layer,
    presenter(invocation),
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] }),
  )

const commandLine = (invocation: Invocation) => {
  const on = (action: Action) => withSession(invocation, action)
  return coterie.pipe(
    Command.withSubcommands([
      ...nodeCommands(on),
      ...clusterCommands(on),
      ...eventCommands(on),
      ...changeCommands(on),
      probeCommand(invocation),
      ...supportCommands(on),
    ]),
    Command.withExamples([
      { command: "coterie cluster", description: "One sentence about the cluster of the node on this machine" },
      { command: "coterie members --url unix:/run/shop/admin.sock --json", description: "For a script" },
    ]),
  )
}

/** Runs the command that the arguments name, and sets the exit code. */
export const run = (invocation: Invocation): Effect.Effect<void> =>
  Command.runWith(commandLine(invocation), { version: invocation.version })(invocation.args).pipe(
    Effect.catchTag("CommandError", ({ exit, message }) =>
      Effect.sync(() => {
        invocation.printError(`coterie: ${message}\n`)
        invocation.exit(exit)
      }),
    ),
    // The user asked for help, or the command line was invalid, which has been printed already.
    Effect.catch((error) =>
      Effect.sync(() =>
        invocation.exit(error._tag === "ShowHelp" && error.errors.length === 0 ? exits.yes : exits.misuse),
      ),
    ),
    Effect.raceFirst(
      Effect.andThen(
        invocation.interrupt,
        Effect.sync(() => invocation.exit(exits.interrupted)),
      ),
    ),
    Effect.provide(layer(invocation)),
  )
