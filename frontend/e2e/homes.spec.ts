import { expect, personOf, signIn, test } from './story.ts';

const HOMES = [
  ['customer', '/customer'],
  ['salesman', '/salesman'],
  ['consultant', '/salesman'],
  ['staff', '/staff'],
] as const;

for (const [role, home] of HOMES) {
  test(`the home of a ${role} opens without an error in the browser`, async ({ page }) => {
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await signIn(page.request, personOf(role));
    await page.goto(home);
    await expect(page.getByRole('main')).toBeVisible();
    const fonts = await page.evaluate(async () => {
      await document.fonts.ready;
      return [...document.fonts].map((font) => font.status);
    });
    expect(fonts).toContain('loaded');
    expect(fonts).not.toContain('error');
    expect(new URL(page.url()).pathname).toMatch(new RegExp(`^${home}`));
    expect(errors).toEqual([]);
  });
}
