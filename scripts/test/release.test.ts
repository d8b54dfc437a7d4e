import { assert, describe, it } from "@effect/vitest"
import { packageFolders, readManifest } from "../lib/packs.ts"
import { fileProblems, manifestProblems, packProblems } from "../lib/packRules.ts"
import type { Pack, PublishedManifest } from "../lib/packs.ts"
import { type Circumstances, refusals } from "../lib/releaseRules.ts"

const shared = { version: "1.2.0", repository: "git+https://example.org/coterie.git", node: "^22.22.0 || >=24.13.0" }

const manifest: PublishedManifest = {
  name: "@coterie/rpc",
  version: "1.2.0",
  description: "Requests.",
  keywords: ["effect"],
  homepage: "https://example.org/coterie#readme",
  bugs: "https://example.org/coterie/issues",
  license: "MIT",
  repository: { type: "git", url: "git+https://example.org/coterie.git", directory: "packages/rpc" },
  type: "module",
  sideEffects: false,
  exports: { ".": "./dist/index.js", "./internal/*": null, "./package.json": "./package.json" },
  publishConfig: { access: "public", provenance: true },
  peerDependencies: { "@coterie/core": "^1.2.0", effect: "^4.1.0" },
  engines: { node: "^22.22.0 || >=24.13.0" },
}

const files = [
  "package.json",
  "AGENTS.md",
  "README.md",
  "CHANGELOG.md",
  "LICENSE",
  "src/index.ts",
  "dist/index.js",
  "dist/index.d.ts",
  "dist/PeerRpcClient.js",
]

const problems = (change: Partial<PublishedManifest>): ReadonlyArray<string> =>
  manifestProblems({ ...manifest, ...change }, "packages/rpc", shared)

describe("a package that is published", () => {
  it("contains its documents, its sources and its build", () => {
    assert.deepStrictEqual(fileProblems(files), [])
    const some = files.filter((file) => !["AGENTS.md", "CHANGELOG.md", "dist/index.d.ts"].includes(file))
    assert.deepStrictEqual(fileProblems(some), [
      "it lacks AGENTS.md",
      "it lacks CHANGELOG.md",
      "it lacks dist/index.d.ts",
    ])
  })

  it("contains no tests and no state of the compiler", () => {
    for (const file of ["test/a.ts", "src/a.test.ts", "dist/.tsbuildinfo", "tsconfig.json"]) {
      assert.deepStrictEqual(fileProblems([...files, file]), [`it contains ${file}`])
    }
  })

  it("has every field that a registry shows or checks", () => {
    assert.deepStrictEqual(problems({}), [])
    assert.deepStrictEqual(problems({ private: true }), ["it is private"])
    assert.deepStrictEqual(problems({ description: "" }), ["it has no description"])
    assert.deepStrictEqual(problems({ keywords: [] }), ["it has no keywords"])
    assert.deepStrictEqual(problems({ homepage: "" }), ["it has no homepage"])
    assert.deepStrictEqual(problems({ bugs: "" }), ["it does not say where to report bugs"])
    assert.deepStrictEqual(problems({ license: "ISC" }), ["its license is not MIT"])
    assert.deepStrictEqual(problems({ sideEffects: true }), ["its sideEffects is not false"])
    assert.deepStrictEqual(problems({ engines: { node: ">=20" } }), ["its engines.node is not ^22.22.0 || >=24.13.0"])
    assert.deepStrictEqual(problems({ repository: { url: shared.repository } }), [
      "its repository.directory is not packages/rpc",
    ])
    assert.deepStrictEqual(problems({ publishConfig: {} }), [
      "its publishConfig.access is not public",
      "its publishConfig.provenance is not true",
    ])
  })

  it("exports built files, and no sources", () => {
    assert.deepStrictEqual(problems({ exports: { ".": "./src/index.ts" } }), [
      "its export . is ./src/index.ts, which is not a built file",
    ])
    assert.deepStrictEqual(problems({ exports: {} }), ["it exports nothing"])
  })

  it("depends on the other packages in its own version", () => {
    assert.deepStrictEqual(problems({ peerDependencies: { "@coterie/core": "^1.1.0" } }), [
      "its range of @coterie/core is ^1.1.0 instead of ^1.2.0",
    ])
    assert.deepStrictEqual(problems({ dependencies: { "@coterie/core": "workspace:^" } }), [
      "its range of @coterie/core is workspace:^, which registries do not support",
    ])
  })

  it("has the same version as all others", () => {
    const pack = (name: string, version: string): Pack => ({
      folder: "packages/rpc",
      tarball: "rpc.tgz",
      bytes: 1,
      files,
      modules: [],
      manifest: { ...manifest, name, version, peerDependencies: {} },
    })
    const packs = [pack("@coterie/core", "1.2.0"), pack("@coterie/rpc", "1.3.0")]
    assert.deepStrictEqual(packProblems(packs, shared), ["@coterie/rpc: its version is 1.3.0 instead of 1.2.0"])
  })
})

describe("the packages of this repository", () => {
  it("have one version, one repository and one range of Node", () => {
    const own = readManifest(".")
    const manifests = packageFolders.map(readManifest)
    assert.strictEqual(new Set(manifests.map(({ version }) => version)).size, 1)
    for (const { bugs, engines, homepage, name, repository } of manifests) {
      assert.strictEqual(repository?.url, own.repository?.url, name)
      assert.strictEqual(engines?.node, own.engines?.node, name)
      const url = own.repository?.url?.replace(/^git\+|\.git$/g, "")
      assert.deepStrictEqual([homepage, bugs], [`${url}#readme`, `${url}/issues`], name)
    }
  })
})

const ready: Circumstances = {
  env: { GITHUB_ACTIONS: "true", GITHUB_SERVER_URL: "https://example.org", GITHUB_REPOSITORY: "Some/coterie" },
  dirty: "",
  changesets: [],
  repository: "git+https://example.org/some/coterie.git",
  releases: ["@coterie/core@1.2.0", "@coterie/rpc@1.2.0"],
  published: [],
}

describe("a release", () => {
  const refused = (change: Partial<Circumstances>, pattern: RegExp): void => {
    const reasons = refusals({ ...ready, ...change })
    assert.strictEqual(reasons.length, 1, reasons.join("\n"))
    assert.match(reasons[0] ?? "", pattern)
  }

  it("is published from a clean tree in the workflow of the repository", () => {
    assert.deepStrictEqual(refusals(ready), [])
  })

  it("is refused outside of the workflow", () => {
    refused({ env: {} }, /not GitHub Actions/)
    refused({ env: { CI: "true" } }, /not GitHub Actions/)
  })

  it("is refused if the packages name another repository", () => {
    refused({ env: { ...ready.env, GITHUB_REPOSITORY: "another/coterie" } }, /this is https:\/\/example.org\/another/)
    refused({ repository: "git+https://example.org/OWNER/coterie.git" }, /placeholder/)
  })

  it("is refused if the tree is dirty or a changeset waits for a version", () => {
    refused({ dirty: " M package.json\n" }, /commit or remove\n M package.json$/)
    refused({ changesets: ["some.md"] }, /\(some.md\): run "pnpm release:version"/)
  })

  it("is refused if the registry has all packages, and continued if the registry has a part of them", () => {
    refused({ published: ready.releases }, /has all of @coterie\/core@1.2.0, @coterie\/rpc@1.2.0/)
    assert.deepStrictEqual(refusals({ ...ready, published: ["@coterie/core@1.2.0"] }), [])
  })
})
