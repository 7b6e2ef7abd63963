// The page of all components, for `npm run dev` alone: http://localhost:5173/gallery.html
import { createApp } from 'vue';
import { createMemoryHistory, createRouter } from 'vue-router';
import '@/styles/index.css';
import 'pretendard/dist/web/variable/pretendardvariable-dynamic-subset.css';
import Gallery from './Gallery.vue';

const router = createRouter({
  history: createMemoryHistory(),
  routes: [{ path: '/:rest(.*)*', component: { render: () => null } }],
});
const staff = new URLSearchParams(location.search).has('staff');
document.body.classList.toggle('staff', staff);
createApp(Gallery).use(router).mount('#app');
