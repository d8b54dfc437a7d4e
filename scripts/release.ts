/**
 * Builds, packs and checks the packages, installs the tarballs in an empty folder, and publishes the packages.
 *
 *     pnpm release --dry-run    # does everything except the last step, and prints why a release would be refused
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

/** Installs the tarballs in an empty folder, as an application does, and imports all exported modules. */
const installAndImport = (packs: ReadonlyArray<Pack>, temporary: string): void => {
  const folder = path.join(temporary, "installed")
  fs.mkdirSync(folder)
  const peers = Object.assign({}, ...packs.map(({ manifest }) => manifest.peerDependencies))
  const tarballs = Object.fromEntries(packs.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`]))
  const manifest = { private: true, type: "module", dependencies: { ...peers, ...tarballs } }
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest, undefined, 2))
  run("npm", ["install", "--strict-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
  importAll(packs.flatMap(specifiersOf), folder)
  for (const command of ["coterie", "coterie-sim"]) {
    run(process.execPath, [path.join(folder, "node_modules/.bin", command), "--help"], folder)
  }
  console.log(`installed in an empty folder: ${packs.length} packages`)
}

/** Reports whether the registry has a release, given as `name@version`. */
const isPublished = (release: string): boolean => {
  const { ok, stdout, stderr } = attemptPnpm(["view", release, "version", "--json"])
  if (ok) return true
  if (/ERR_PNPM_FETCH_404|ERR_PNPM_PACKAGE_NOT_FOUND/.test(stdout + stderr)) return false
  throw new Error(`the registry does not report whether it has ${release}:\n${stdout}${stderr}`)
}

/** Returns the circumstances of a release of the packages in this folder. */
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
  // `changeset publish` uses the pnpm on the path, and skips releases that the registry has. pnpm 12 ignores
  // `provenance` in publishConfig, which is for npm.
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
