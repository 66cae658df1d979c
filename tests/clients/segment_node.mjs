import { half, key, require, traits, url } from './half.mjs'
const { Analytics } = require('@segment/analytics-node')
const client = new Analytics({ writeKey: key, host: url, maxRetries: 10 })
const spin = (from, to) => { for (let turn = from; turn < to; turn++) client.track({ userId: 'u1', event: 'Wheel Spun', properties: { turn, 颜色: '红' } }) }
client.identify({ userId: 'u1', anonymousId: 'a1', traits })
spin(0, 20)
await client.flush()
await half()
client.alias({ previousId: 'a0', userId: 'u1' })
spin(20, 40)
await client.closeAndFlush()
