/** Conditions for publishing a release. */

/** Facts that decide whether a release may be published. */
export interface Circumstances {
  /** Variables of the process. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Output of `git status --porcelain`, with a line for each file that differs from the commit. */
  readonly dirty: string
  /** Names of the changesets that are not part of a version yet. */
  readonly changesets: ReadonlyArray<string>
  /** URL in `repository` of the packages. */
  readonly repository: string
  /** Packages of this release, as `name@version`. */
  readonly releases: ReadonlyArray<string>
  /** Releases of `releases` that the registry has. */
  readonly published: ReadonlyArray<string>
}

/** Returns the address of the page of a repository. */
const pageOf = (url: string): string => url.replace(/^git\+/, "").replace(/\.git$/, "")

/** Owner in the URL of the repository until the repository has one. */
const placeholder = "/OWNER/"

const repositoryRefusal = ({ env, repository }: Circumstances): string | undefined => {
  const url = pageOf(repository)
  const todo = `correct "repository", "homepage" and "bugs" in each package.json.`
  if (url.includes(placeholder)) return `The packages name ${url}, which has a placeholder for the owner: ${todo}`
  if (env["GITHUB_ACTIONS"] !== "true") return undefined
  const here = `${env["GITHUB_SERVER_URL"]}/${env["GITHUB_REPOSITORY"]}`
  return url.toLowerCase() === here.toLowerCase()
    ? undefined
    : `The packages name ${url}, and this is ${here}, which provenance has to name: ${todo}`
}

/** Returns the reasons for which a release may not be published, each with what to do. */
export const refusals = (circumstances: Circumstances): ReadonlyArray<string> => {
  const { changesets, dirty, env, published, releases } = circumstances
  const reasons: Array<string | undefined> = []
  if (env["GITHUB_ACTIONS"] !== "true") {
    reasons.push(
      "This is not GitHub Actions, and only its workflow can attest the origin of a package. Merge the pull request of the " +
        "versions: .github/workflows/release.yml publishes.",
    )
  }
  reasons.push(repositoryRefusal(circumstances))
  if (dirty !== "") reasons.push(`The tree differs from its commit: commit or remove\n${dirty.trimEnd()}`)
  if (changesets.length > 0) {
    reasons.push(
      `Changesets wait for a version (${changesets.join(", ")}): run "pnpm release:version" and commit first.`,
    )
  }
  // A release that stopped halfway is continued.
  if (releases.length > 0 && releases.every((release) => published.includes(release))) {
    reasons.push(`The registry has all of ${releases.join(", ")}: add a changeset for a new version.`)
  }
  return reasons.filter((reason) => reason !== undefined)
}
