// The rules of @kubernetes/client-node.

import './objects.mjs';
import './following.mjs';

import { main } from './rules.mjs';

await main();
