/** Commands that the scripts run. */
import { spawnSync } from "node:child_process"
import * as path from "node:path"

/** Root of this repository. */
export const root = path.join(import.meta.dirname, "../..")

/** Runs a command and returns its outcome, whatever its exit code is. */
export const attempt = (command: string, args: ReadonlyArray<string>, cwd = root) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" })
  return { ok: status === 0, stdout: stdout ?? "", stderr: stderr ?? "", error }
}

/** Runs a command and returns its output. Prints the output and throws if the command fails. */
export const run = (command: string, args: ReadonlyArray<string>, cwd = root): string => {
  const { ok, stdout, stderr, error } = attempt(command, args, cwd)
  if (ok) return stdout
  console.error(`${command} ${args.join(" ")}\n${stdout}${stderr}`)
  throw error ?? new Error(`${command} failed`)
}

/** Runs a command with additional variables and shows its output. Throws if the command fails. */
export const runVisibly = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
): void => {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } })
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} failed`)
}

/** Returns the command line of the pnpm that runs this script, which is a program or a script for Node. */
const pnpmCommand = (args: ReadonlyArray<string>): readonly [string, ReadonlyArray<string>] => {
  const self = process.env["npm_execpath"] ?? "pnpm"
  return /\.[cm]?js$/.test(self) ? [process.execPath, [self, ...args]] : [self, args]
}

/** Runs the pnpm that runs this script and returns its output. */
export const pnpm = (args: ReadonlyArray<string>, cwd = root): string => run(...pnpmCommand(args), cwd)

/** Runs the pnpm that runs this script and returns its outcome, whatever its exit code is. */
export const attemptPnpm = (args: ReadonlyArray<string>, cwd = root) => attempt(...pnpmCommand(args), cwd)
