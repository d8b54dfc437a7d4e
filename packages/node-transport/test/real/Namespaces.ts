/**
 * Hosts on a separate network of Linux network namespaces. Each host has a cable (veth) to a router in the middle. A
 * `blackhole` rule of the router drops the packets from one host to another, in one direction and without a notice to
 * either end.
 *
 * The namespaces have no names and do not touch existing networks. A namespace belongs to a process that waits for the
 * end of its input. When the process ends, its namespace, cables and rules disappear, however the test ends. Without
 * root, a user namespace around all of them gives the permission.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFile, execFileSync } from "node:child_process"
import * as NodePath from "node:path"
import * as Child from "../../../../examples/support/Child.ts"
import type { Place } from "./Members.ts"

class NamespaceError extends Schema.TaggedError<NamespaceError>()("NamespaceError", { message: Schema.String }) {}

/** Environment whose path includes the folders of the network commands. */
const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` }
const bounded = { env, timeout: 20_000, encoding: "utf8" } as const

/** Without root, a user namespace is needed to make and to enter a network namespace. */
const isRoot = process.getuid?.() === 0
export const unshare = isRoot ? ["unshare", "--net"] : ["unshare", "--user", "--map-root-user", "--net"]
const enter = (pid: number): ReadonlyArray<string> => [
  "nsenter",
  `--target=${pid}`,
  ...(isRoot ? [] : ["--user", "--preserve-credentials"]),
  "--net",
]

// Capabilities of the machine

/** Runs a script in a temporary namespace. Returns its error output if it fails, and `undefined` if it succeeds. */
const trial = (script: string): string | undefined => {
  const [command = "", ...args] = [...unshare, "sh", "-euc", script]
  try {
    execFileSync(command, args, { ...bounded, stdio: ["ignore", "ignore", "pipe"] })
    return undefined
  } catch (error) {
    const output = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : ""
    return (output === "" ? String(error) : output).replace(/\s*\n\s*/g, "; ")
  }
}

const missingNamespaces = (): string | undefined => {
  if (process.platform !== "linux") return `this is ${process.platform}, and only Linux has network namespaces`
  for (const tool of ["unshare", "nsenter", "ip"]) {
    try {
      execFileSync(tool, ["-V"], { ...bounded, stdio: "ignore" })
    } catch {
      return `there is no "${tool}" (of util-linux or iproute2)`
    }
  }
  const failed = trial(`
    ip link add v0 type veth peer name v1
    ip rule add from 10.77.1.2 to 10.77.2.2 blackhole
    echo 1 > /proc/sys/net/ipv4/ip_forward`)
  return failed === undefined ? undefined : `this machine does not allow network namespaces: ${failed}`
}

/** Reason why this machine cannot have hosts, or `undefined` if it can. */
export const missing = missingNamespaces()

/** Tool of this machine to make lines lossy and slow, or the reason why it has none. */
const weather = ((): { readonly by: "netem" | "relay" } | { readonly missing: string } => {
  if (missing !== undefined) return { missing }
  const netem = trial("tc qdisc add dev lo root netem delay 100ms loss 10%")
  if (netem === undefined) return { by: "netem" }
  const vxlan = trial("ip link add over0 type vxlan id 1 remote 10.77.1.1 dstport 4789")
  if (vxlan === undefined) return { by: "relay" }
  return { missing: `this kernel has neither netem (${netem}) nor VXLAN (${vxlan})` }
})()

/** Reason why this machine cannot have lossy lines, or `undefined` if it can. */
export const missingWeather = "missing" in weather ? weather.missing : undefined

// Hosts

export interface Host extends Place {
  readonly pid: number
}

export interface Network {
  /** Command that runs another command on the router. */
  readonly router: ReadonlyArray<string>
  readonly hosts: ReadonlyArray<Host>
  /** Drops all packets from one host to another, in this direction only. */
  readonly cut: (from: Host, to: Host) => Effect.Effect<void, NamespaceError>
  /** Ends the loss that {@link cut} began. */
  readonly mend: (from: Host, to: Host) => Effect.Effect<void, NamespaceError>
}

const run = (where: ReadonlyArray<string>, script: string) =>
  Effect.callback<void, NamespaceError>((resume) => {
    const [command = "", ...args] = [...where, "sh", "-euc", script]
    execFile(command, args, bounded, (error, _, stderr) => {
      resume(error === null ? Effect.void : Effect.fail(new NamespaceError({ message: `${script}: ${stderr.trim()}` })))
    })
  })

/** Starts a process in a new namespace and returns its id. */
const namespace = Effect.fnUntraced(function* (name: string, command: ReadonlyArray<string>) {
  const [first = "", ...rest] = [...command, "sh", "-c", "echo ready && exec cat"]
  const holder = yield* Child.spawnCommand(name, first, rest)
  yield* holder.expect("that it has its namespace", (line) => (line === "ready" ? line : undefined))
  return holder.pid
})

/** Makes a network of hosts that all reach each other. */
export const make = Effect.fnUntraced(function* (count: number) {
  const pid = yield* namespace("the router", unshare)
  const router = enter(pid)
  yield* run(router, "echo 1 > /proc/sys/net/ipv4/ip_forward")
  const hosts = yield* Effect.forEach(
    Array.from({ length: count }, (_, i) => i + 1),
    Effect.fnUntraced(function* (i) {
      const host = `10.77.${i}.2`
      // The host is in the user namespace of the router, if there is one.
      const pid = yield* namespace(`the host ${host}`, [...router, "unshare", "--net"])
      const place: Host = { host, pid, enter: enter(pid) }
      yield* run(
        router,
        `ip link add to${i} type veth peer name net0 netns ${pid}
         ip address add 10.77.${i}.1/24 dev to${i}
         ip link set to${i} up`,
      )
      yield* run(
        place.enter,
        `ip link set lo up
         ip address add ${host}/24 dev net0
         ip link set net0 up
         ip route add default via 10.77.${i}.1`,
      )
      return place
    }),
  )
  const rule = (what: "add" | "del") => (from: Host, to: Host) =>
    run(router, `ip rule ${what} from ${from.host} to ${to.host} blackhole`)
  const network: Network = { router, hosts, cut: rule("add"), mend: rule("del") }
  return network
})

/**
 * Makes every line lossy and slow: it drops a percentage of the packets and delays the others by milliseconds. Returns
 * the places where members run. Uses the kernel's netem. If netem is missing, a process in the middle (relay.ts) does
 * the same, and the hosts get additional addresses that lead to it.
 */
export const worsen = Effect.fnUntraced(function* (network: Network, loss: number, delay: number) {
  if ("missing" in weather) return yield* new NamespaceError({ message: weather.missing })
  if (weather.by === "netem") {
    for (const { enter } of network.hosts) {
      yield* run(enter, `tc qdisc add dev net0 root netem delay ${delay}ms loss ${loss}%`)
    }
    return network.hosts
  }
  const [command = "", ...args] = network.router
  const file = NodePath.join(import.meta.dirname, "relay.ts")
  const relay = [...args, process.execPath, file, "4789", String(loss / 100), String(delay)]
  const child = yield* Child.spawnCommand("the relay", command, relay)
  yield* child.expect("that it runs", (line) => (line === "ready" ? line : undefined), { within: "60 seconds" })
  return yield* Effect.forEach(network.hosts, ({ enter, host, pid }, i) => {
    const place: Host = { host: `10.78.0.${i + 1}`, enter, pid }
    return Effect.as(
      run(
        enter,
        `ip link add over0 type vxlan id 1 remote ${host.replace(/2$/, "1")} dstport 4789 dev net0
         ip address add ${place.host}/24 dev over0
         ip link set over0 up`,
      ),
      place,
    )
  })
})
