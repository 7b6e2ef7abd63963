import { defineConfig } from '@playwright/test';
import stories from './playwright.config.ts';

/** Measurements in a browser, on the system of the stories. They are run by hand. */
export default defineConfig({
  ...stories,
  testMatch: '*.measure.ts',
  outputDir: 'node_modules/.cache/speed',
  reporter: 'line',
  timeout: 600_000,
  // A trace would be measured, too.
  use: { ...stories.use, trace: 'off' },
});
