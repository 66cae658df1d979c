import { half, key, require, traits, url } from './half.mjs'
const { PostHog } = require('posthog-node')
const client = new PostHog(key, { host: url })
const spin = (from, to) => { for (let turn = from; turn < to; turn++) client.capture({ distinctId: 'u1', event: 'Wheel Spun', properties: { turn, 颜色: '红' } }) }
client.identify({ distinctId: 'u1', properties: traits })
client.alias({ distinctId: 'u1', alias: '01a203e4-1ba4-7f98-aca3-99461a2e58d5' })
spin(0, 20)
await client.flush()
await half()
client.alias({ distinctId: 'u1', alias: '01a203e4-1ba4-7f98-aca3-99461a2e58d6' })
spin(20, 40)
await client.shutdown()
