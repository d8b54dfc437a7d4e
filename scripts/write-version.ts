/**
 * Writes the version of the testkit into its sources after `changeset version` has changed it. The testkit does not
 * read its package.json, because it also runs in browsers.
 *
 *     pnpm release:version
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "./lib/command.ts"
import { readManifest } from "./lib/packs.ts"

const file = path.join(root, "packages/testkit/src/version.ts")
const { version } = readManifest("packages/testkit")
const text = fs.readFileSync(file, "utf8")
fs.writeFileSync(file, text.replace(/version = "[^"]*"/, `version = ${JSON.stringify(version)}`))
