/** Registrations of runners in a storage, as the table that SQL storages keep. */
interface Registration {
  /** Encoded runner. */
  runner: string
  healthy: boolean
  /** Time of the registration or of the last refresh, in milliseconds. */
  heartbeatAt: number
  readonly machineId: number
}

export class RunnerTable {
  /** Time without a refresh after which a registration does not count, in milliseconds. */
  private readonly expiration: number
  private readonly registrations = new Map<string, Registration>()
  private lastMachineId = 0

  constructor(expiration: number) {
    this.expiration = expiration
  }

  /** Registers a runner and returns its machine id. A runner that is registered already keeps its machine id. */
  register(address: string, runner: string, healthy: boolean, now: number): number {
    const machineId = this.registrations.get(address)?.machineId ?? ++this.lastMachineId
    this.registrations.set(address, { runner, healthy, heartbeatAt: now, machineId })
    return machineId
  }

  /** Removes a registration, and all that have expired. */
  unregister(address: string, now: number): void {
    this.registrations.delete(address)
    for (const [other, registration] of [...this.registrations]) {
      if (!this.isLive(registration, now)) this.registrations.delete(other)
    }
  }

  private isLive({ heartbeatAt }: Registration, now: number): boolean {
    return now - heartbeatAt < this.expiration
  }

  setHealth(address: string, healthy: boolean): void {
    const registration = this.registrations.get(address)
    if (registration !== undefined) registration.healthy = healthy
  }

  /** Renews a registration. */
  refresh(address: string, now: number): void {
    const registration = this.registrations.get(address)
    if (registration !== undefined) registration.heartbeatAt = now
  }

  /** Returns the addresses, the encoded runners and their health of all registrations that have not expired. */
  live(now: number): ReadonlyArray<{ readonly address: string; readonly runner: string; readonly healthy: boolean }> {
    return [...this.registrations].flatMap(([address, registration]) =>
      this.isLive(registration, now) ? [{ address, runner: registration.runner, healthy: registration.healthy }] : [],
    )
  }
}
