/** Temporary working trees of revisions. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { execFile } from "node:child_process"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Failed } from "../harness/Process.ts"

/** Runs a command to its end. Fails with its output. An interruption ends the command. */
const run = (command: string, args: ReadonlyArray<string>, cwd: string): Effect.Effect<string, Failed> =>
  Effect.callback((resume) => {
    const child = execFile(command, args, { cwd, encoding: "utf8" }, (error, stdout, stderr) => {
      const message = `${command} ${args.join(" ")} failed: ${error?.message}\n${stdout}${stderr}`
      resume(error === null ? Effect.succeed(stdout.trim()) : Effect.fail(new Failed({ message })))
    })
    return Effect.sync(() => void child.kill())
  })

/** Checks a revision out into a temporary working tree, which is removed when the scope closes. Returns its folder. */
export const workingTree = (repository: string, revision: string): Effect.Effect<string, Failed, Scope.Scope> =>
  Effect.gen(function* () {
    const commit = yield* Effect.mapError(
      run("git", ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`], repository),
      () => new Failed({ message: `${revision} is not a revision of this repository` }),
    )
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => path.join(fs.mkdtempSync(path.join(os.tmpdir(), "bench-compare-")), "tree")),
      (folder) => remove(repository, folder),
    )
    yield* run("git", ["worktree", "add", "--detach", folder, commit], repository)
    return folder
  })

const remove = (repository: string, folder: string): Effect.Effect<void> =>
  run("git", ["worktree", "remove", "--force", folder], repository).pipe(
    // An interrupted checkout may have left a folder that git does not know.
    Effect.ignore,
    Effect.andThen(Effect.sync(() => fs.rmSync(path.dirname(folder), { recursive: true, force: true }))),
  )

/**
 * Prepares a working tree to run the benchmarks of this repository with its own packages: both revisions are measured
 * by the same code.
 */
export const prepare = (repository: string, folder: string): Effect.Effect<void, Failed> =>
  Effect.gen(function* () {
    const isOurs = (file: string) => !["node_modules", "results"].includes(path.basename(file))
    yield* Effect.sync(() =>
      fs.cpSync(path.join(repository, "benchmarks"), path.join(folder, "benchmarks"), {
        recursive: true,
        filter: isOurs,
      }),
    )
    yield* run(...pnpm(["install", "--frozen-lockfile", "--prefer-offline", "--ignore-scripts"]), folder)
  })

/** Returns the command line of the pnpm that runs this script, which is a program or a script for Node. */
const pnpm = (args: ReadonlyArray<string>): readonly [string, ReadonlyArray<string>] => {
  const self = process.env["npm_execpath"] ?? "pnpm"
  return /\.[cm]?js$/.test(self) ? [process.execPath, [self, ...args]] : [self, args]
}
