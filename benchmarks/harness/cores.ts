/** Cores on which processes run. If the machine has `taskset`, processes are pinned to them. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"

/** Returns the cores that this process may use, as far as the system reports them. */
const allowed = (): ReadonlyArray<number> => {
  const status = "/proc/self/status"
  const list = fs.existsSync(status) ? /^Cpus_allowed_list:\s*(.*)$/m.exec(fs.readFileSync(status, "utf8"))?.[1] : ""
  return (list ?? "").split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number)
    if (first === undefined || last === undefined || !Number.isInteger(first) || range === "") return []
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

const hasTaskset = (): boolean => spawnSync("taskset", ["--version"], { stdio: "ignore" }).status === 0

export interface Cores {
  readonly sender: number
  /** Core of the receiver. It differs from the core of the sender if there are several. */
  readonly receiver: number
}

/** Returns two cores, or `undefined` if processes cannot be pinned. */
export const find = (): Cores | undefined => {
  const [sender, receiver = sender] = allowed()
  return sender === undefined || receiver === undefined || !hasTaskset() ? undefined : { sender, receiver }
}

/** Returns the command that runs the given command on a core. */
export const pinned = (
  core: number | undefined,
  command: readonly [string, ...Array<string>],
): readonly [string, ...Array<string>] => (core === undefined ? command : ["taskset", "-c", String(core), ...command])
