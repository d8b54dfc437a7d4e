/**
 * Publishes the packages, after it has built, packed and checked them, and installed the tarballs in an empty folder.
 *
 *     pnpm release --dry-run    # does all of it but publish, and prints why a release would be refused
 *     pnpm release              # in .github/workflows/release.yml
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { packAndCheck } from "./check-exports.ts"
import { attemptPnpm, root, run, runVisibly } from "./lib/command.ts"
import { importAll, type Pack, packageFolders, readManifest, specifiersOf } from "./lib/packs.ts"
import { type Circumstances, refusals } from "./lib/releaseRules.ts"

/** Installs the tarballs in an empty folder, as an application does, and imports all that they export. */
const installAndImport = (packs: ReadonlyArray<Pack>, temporary: string): void => {
  const folder = path.join(temporary, "installed")
  fs.mkdirSync(folder)
  const peers = Object.assign({}, ...packs.map(({ manifest }) => manifest.peerDependencies))
  const tarballs = Object.fromEntries(packs.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]))
  const manifest = { private: true, type: "module", dependencies: { ...peers, ...tarballs } }
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest, undefined, 2))
  run("npm", ["install", "--strict-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
  importAll(packs.flatMap(specifiersOf), folder)
  run(process.execPath, [path.join(folder, "node_modules/.bin/coterie-sim"), "--help"], folder)
  console.log(`installs in an empty folder: ${packs.length} packages`)
}

/** Returns `true` if the registry has a release, given as `name@version`. */
const isPublished = (release: string): boolean => {
  const { ok, stdout, stderr } = attemptPnpm(["view", release, "version", "--json"])
  if (ok) return true
  if (/ERR_PNPM_FETCH_404|ERR_PNPM_PACKAGE_NOT_FOUND/.test(stdout + stderr)) return false
  throw new Error(`the registry does not say if it has ${release}:\n${stdout}${stderr}`)
}

/** Returns what decides about a release of the packages as they are in this folder. */
const readCircumstances = (): Circumstances => {
  const manifests = packageFolders.map(readManifest)
  const releases = manifests.map(({ name, version }) => `${name}@${version}`)
  return {
    env: process.env,
    dirty: run("git", ["status", "--porcelain"]),
    changesets: fs
      .readdirSync(path.join(root, ".changeset"))
      .filter((file) => file.endsWith(".md") && file !== "README.md"),
    repository: readManifest(".").repository?.url ?? "",
    releases,
    published: releases.filter(isPublished),
  }
}

const describe = ({ bytes, files, manifest: { name, version } }: Pack, published: ReadonlyArray<string>): string => {
  const isThere = published.includes(`${name}@${version}`)
  const state = isThere ? "the registry has it" : "to be published"
  return `${name}@${version}, ${files.length} files, ${Math.ceil(bytes / 1024)} KiB: ${state}`
}

const release = (isDry: boolean): void => {
  const circumstances = readCircumstances()
  const reasons = refusals(circumstances)
  if (!isDry && reasons.length > 0) throw new Error(`nothing was published:\n${reasons.join("\n")}`)

  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-release-"))
  try {
    const packs = packAndCheck(temporary)
    installAndImport(packs, temporary)
    for (const each of packs) console.log(describe(each, circumstances.published))
  } finally {
    fs.rmSync(temporary, { recursive: true })
  }
  if (isDry) {
    for (const reason of reasons) console.log(`A release would be refused now. ${reason}`)
    console.log("dry run: nothing was published")
    return
  }
  // It publishes with the pnpm on the path, and skips what the registry has. pnpm 12 does not read `provenance` in
  // publishConfig, which is for npm.
  runVisibly("changeset", ["publish"], { PNPM_CONFIG_PROVENANCE: "true" })
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { "dry-run": { type: "boolean", default: false } } })
  try {
    release(values["dry-run"])
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
