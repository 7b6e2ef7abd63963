import { defineConfig } from '@playwright/test';
import { findChromium } from './e2e/chromium.ts';

/** Stories in a browser, on one real system. `e2e/setup.ts` starts it. */
export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/setup.ts',
  outputDir: 'test-results',
  // One after the other: a story may stop a part of the system.
  workers: 1,
  retries: 0,
  // Generous: other work may run beside it on two cores.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  use: {
    actionTimeout: 20_000,
    navigationTimeout: 20_000,
    baseURL: process.env['KTGG_URL'],
    launchOptions: await findChromium(),
    locale: 'ko-KR',
    timezoneId: 'Asia/Seoul',
    trace: 'retain-on-failure',
  },
});
