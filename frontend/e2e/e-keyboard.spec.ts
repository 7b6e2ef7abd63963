import { test } from './story.ts';
import { followConsultation, PHONE } from './support/follow.ts';
import { keyboard } from './support/hands.ts';

test('a consultation is requested, approved and closed by keyboard at 360 px', async ({
  newVisitor,
  playwright,
}) => {
  await followConsultation({
    newVisitor,
    requests: playwright.request,
    hands: keyboard,
    staffBrowser: PHONE,
  });
});
