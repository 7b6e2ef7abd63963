import { test } from './story.ts';
import { followConsultation } from './support/follow.ts';
import { pointer } from './support/hands.ts';

test('three open pages follow a consultation from request to success', async ({
  newVisitor,
  playwright,
}) => {
  await followConsultation({ newVisitor, requests: playwright.request, hands: pointer });
});
