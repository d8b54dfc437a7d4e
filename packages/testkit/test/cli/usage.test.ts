import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { bin, coterieSim, fixture, inProcess, temporary } from "./command.ts"

describe("coterie-sim", () => {
  const misuses: ReadonlyArray<readonly [string, ReadonlyArray<string>, RegExp]> = [
    ["a reversed range", ["--seeds", "20..10"], /the range of seeds 20\.\.10 is reversed/],
    ["seeds and a time", ["--seeds", "1..10", "--time", "1m"], /--seeds and --time exclude each other/],
    ["an invalid time", ["--time", "soon"], /--time soon is not a time: write 90s, 10m or 2h/],
    ["no failures", ["--stop-after", "0"], /--stop-after 0 is not valid: give a number from 1/],
    ["a misspelt flag", ["--seed", "2"], /Unrecognized flag: --seed [^]*--seeds/],
    ["a missing module", ["lost.sim.ts"], /there is no file "lost\.sim\.ts"/],
    ["a module without scenarios", [fixture("none")], /none\.sim\.ts exports no scenario/],
    [
      "a module that throws",
      [fixture("throws")],
      /cannot be loaded: Error: the database is not there[^]*throws\.sim\.ts:1/,
    ],
    ["an unknown scenario", [fixture("holds"), "--scenario", "a dog"], /"a dog"; the module exports "an echo", /],
    ["an invalid plan", [fixture("bad"), "--scenario", "shakes"], /the fault plan is invalid: .*earthquake/],
  ]

  it.live("rejects invalid input with the reason, prints nothing else and exits with code 2", () =>
    Effect.forEach(misuses, ([what, args, message]) =>
      Effect.map(inProcess(["swarm", ...args, "--workers", "1", "--json"]), ({ code, err, out }) => {
        assert.match(err, message, what)
        assert.deepStrictEqual([code, out], [2, ""], what)
      }),
    ),
  )

  it.live("passes the exit code and the problem to the process", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* coterieSim(["swarm", "--seeds", "1..10"])
      assert.deepStrictEqual([code, out], [2, ""])
      assert.match(err, /^coterie-sim: there is no coterie\.sim\.ts or coterie\.sim\.js in .*cli: name the module/)
    }),
  )

  it.live("names the package to install if the platform is missing", () =>
    Effect.gen(function* () {
      const dir = yield* temporary
      const root = path.join(import.meta.dirname, "../..")
      fs.cpSync(path.join(root, "src"), path.join(dir, "src"), { recursive: true })
      fs.cpSync(path.join(root, "package.json"), path.join(dir, "package.json"))
      fs.mkdirSync(path.join(dir, "node_modules/@coterie"), { recursive: true })
      for (const name of ["effect", "@coterie/core"]) {
        fs.symlinkSync(fs.realpathSync(path.join(root, "node_modules", name)), path.join(dir, "node_modules", name))
      }
      const program = path.join(dir, path.relative(root, bin))
      const { code, err } = yield* coterieSim(["--help"], { program })
      assert.strictEqual(
        err,
        "coterie-sim needs @effect/platform-node, which is not installed: npm install --save-dev @effect/platform-node\n",
      )
      assert.strictEqual(code, 2)
    }),
  )

  it.live("helps", () =>
    Effect.gen(function* () {
      const { code, out } = yield* coterieSim(["--help"])
      assert.strictEqual(code, 0)
      for (const command of ["swarm", "replay", "viz"]) assert.include(out, command)
    }),
  )
})
