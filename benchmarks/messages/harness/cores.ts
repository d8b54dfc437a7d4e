/** On which cores processes run: where the machine has `taskset` they are kept there, elsewhere they go where they go. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"

/** The cores that this process may use, as far as the system says. */
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
  /** Another one than the sender's, if there is another. */
  readonly receiver: number
}

/** Two cores, or `undefined` if processes cannot be kept on them. */
export const find = (): Cores | undefined => {
  const [sender, receiver = sender] = allowed()
  return sender === undefined || receiver === undefined || !hasTaskset() ? undefined : { sender, receiver }
}

/** The command that runs this one on a core. */
export const pinned = (
  core: number | undefined,
  command: readonly [string, ...Array<string>],
): readonly [string, ...Array<string>] => (core === undefined ? command : ["taskset", "-c", String(core), ...command])
