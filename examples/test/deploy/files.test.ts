/** The other files of examples/deploy have only variables, ports and routes that exist, and no known mistakes. */
import * as AdminNode from "@coterie/admin/AdminNode"
import { AdminApi } from "@coterie/admin"
import { Address } from "@coterie/core"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as DeployFiles from "./DeployFiles.ts"

const read = (file: string): string => Fs.readFileSync(Path.join(DeployFiles.root, file), "utf8")

const files = Fs.globSync("examples/deploy/**/*.*", { cwd: DeployFiles.root }).concat("examples/deploy/Dockerfile")

describe("the deployment files", () => {
  it("use only variables that the docs list", () => {
    const section = read("docs/operations.md").split("\n## Environment variables\n")[1]?.split("\n## ")[0] ?? ""
    const rows = section.split("\n").filter((line) => line.startsWith("| `COTERIE_"))
    const listed = rows.flatMap((row) => row.split("|")[1]?.match(/COTERIE_\w+/g) ?? [])
    assert.isAbove(listed.length, 20)
    const used = [...files, "docs/deploy.md"].flatMap((file) => read(file).match(/COTERIE_\w+/g) ?? [])
    assert.isAbove(used.length, 20)
    assert.deepStrictEqual(
      [...new Set(used)].filter((name) => !listed.includes(name)),
      [],
    )
  })

  it("ask only routes of the health that exist", () => {
    const routes = Object.values(AdminApi.AdminApi.groups).flatMap(({ endpoints }) =>
      Object.values(endpoints).map(({ path }) => path),
    )
    const asked = files.flatMap((file) => read(file).match(/\/health\/\w+/g) ?? [])
    assert.isAbove(asked.length, 3)
    for (const route of asked) assert.include(routes, route)
  })

  it("explain each file in the guide", () => {
    const page = read("docs/deploy.md")
    for (const file of files) {
      if (Fs.statSync(Path.join(DeployFiles.root, file)).isFile()) assert.include(page, `../${file})`, file)
    }
  })
})

describe("compose.yaml", () => {
  const decode = (value: unknown) => Schema.decodeUnknownSync(DeployFiles.Compose)(value, { onExcessProperty: "error" })

  it("has only known keys, and the networks, secrets and names that the services use", () => {
    const { networks, secrets, services } = decode(DeployFiles.composeValue())
    assert.isAbove(Object.keys(services).length, 2)
    for (const [name, service] of Object.entries(services)) {
      assert.hasAllKeys(networks, Object.keys(service.networks))
      assert.hasAllKeys(secrets, service.secrets)
      assert.strictEqual(service.environment["COTERIE_NAME"], name)
      const [, discovered] = /^dns:(\S+)\.:\d+$/.exec(service.environment["COTERIE_DISCOVERY"] ?? "") ?? []
      assert.include(service.networks.cluster.aliases, discovered)
      for (const port of service.ports ?? []) {
        assert.strictEqual(port, `127.0.0.1:${AdminNode.defaultPort}:${AdminNode.defaultPort}`)
      }
    }
  })

  it("would not pass with a misspelt key", () => {
    const value = Object(DeployFiles.composeValue())
    assert.throws(() => decode({ ...value, volume: {} }))
    assert.throws(() => decode({ ...value, services: { a: { ...value.services["shop-1"], stop_grace_perod: "1s" } } }))
  })
})

describe("the Dockerfile", () => {
  const lines = DeployFiles.read("Dockerfile").replaceAll("\\\n", " ").split("\n")
  const argumentsOf = (instruction: string) =>
    lines.flatMap((line) => (line.startsWith(`${instruction} `) ? [line.slice(instruction.length + 1)] : []))

  it("has instructions that exist, and images of a version", () => {
    for (const line of lines) assert.match(line, /^(#.*|(FROM|WORKDIR|COPY|RUN|ENV|USER|EXPOSE|HEALTHCHECK|CMD) .+|)$/)
    const images = argumentsOf("FROM")
    assert.strictEqual(images.length, 2)
    for (const image of images) assert.match(image, /^node:\d+-[\w-]+( AS build)?$/)
  })

  it("starts Node as process 1 of a user without rights, and exposes the ports of the code", () => {
    const [command = ""] = argumentsOf("CMD")
    assert.strictEqual(JSON.parse(command)[0], "node")
    assert.match(argumentsOf("USER").at(-1) ?? "", /^[1-9]\d*:[1-9]\d*$/)
    assert.deepStrictEqual(argumentsOf("EXPOSE"), [`${Address.defaultPort} ${AdminNode.defaultPort}`])
  })

  it("has a health check that is a program", () => {
    const [check = ""] = argumentsOf("HEALTHCHECK")
    const [program, flag, text]: ReadonlyArray<string> = JSON.parse(check.slice(check.indexOf("CMD ") + 4))
    assert.deepStrictEqual([program, flag], ["node", "-e"])
    // Nothing listens at port 1, so the program ends with 1, and not with a syntax error.
    const { status, stderr } = spawnSync(process.execPath, ["-e", (text ?? "").replace(/:\d+/, ":1")], {
      timeout: 15_000,
    })
    assert.deepStrictEqual([status, String(stderr)], [1, ""])
  })
})

describe("the systemd unit", () => {
  const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0

  // Systemd is part of most Linux systems, and not of all containers.
  it.runIf(hasSystemd)("is accepted by systemd-analyze", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "coterie-unit-"))
    try {
      // The programs and users of the unit need not exist here.
      const unit = DeployFiles.read("shop@.service").replace("/usr/bin/node", process.execPath)
      Fs.writeFileSync(Path.join(folder, "shop@.service"), unit)
      const verify = () => {
        const { output, status } = spawnSync("systemd-analyze", ["verify", Path.join(folder, "shop@shop-1.service")])
        return {
          status,
          text: output
            .join("")
            .split("\n")
            .filter((line) => line.includes("shop@")),
        }
      }
      Fs.symlinkSync("shop@.service", Path.join(folder, "shop@shop-1.service"))
      assert.deepStrictEqual(verify(), { status: 0, text: [] })
      Fs.writeFileSync(Path.join(folder, "shop@.service"), unit.replace("TimeoutStopSec", "TimeoutStopSecs"))
      assert.match(verify().text.join(), /TimeoutStopSecs/)
    } finally {
      Fs.rmSync(folder, { recursive: true })
    }
  })
})
