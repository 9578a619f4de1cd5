/** Figures that are asked for at each scrape. */
import { Gauge, type Registry } from 'prom-client'

export type Sample = readonly [labels: Record<string, string | number>, value: number]

/** Registers one under `tidemark_<name>`. */
export type AddGauge = (name: string, help: string, labels: string[], read: () => Sample[]) => void

export function gaugesOf(registry: Registry): AddGauge {
  return (name, help, labels, read) =>
    void new Gauge({
      name: `tidemark_${name}`,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset()
        for (const [sample, value] of read()) this.set(sample, value)
      },
    })
}
