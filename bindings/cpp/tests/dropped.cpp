// Each line drops a result or an error: test-cpp counts that the compiler warns of each.
#include <linq.hpp>

linq::Error error();

void drops(const linq::Client& client, const linq::Queue& queue, const linq::Presigned& place) {
  const linq::Source source = linq::Source::bytes("hello");
  error();                                          // warned
  linq::Client::try_make();                         // warned
  linq::CancelToken::try_make();                    // warned
  linq::Queue::try_make(client);                    // warned
  linq::try_upload_file("a.txt");                   // warned
  linq::try_parse_presigned("");                    // warned
  linq::try_set_log(nullptr);                       // warned
  client.try_connect();                             // warned
  client.try_upload_file("a.txt");                  // warned
  client.try_upload(source);                        // warned
  client.try_upload_presigned(place, source);       // warned
  client.try_presign(linq::File());                 // warned
  place.try_check(200, "");                         // warned
  client.try_attachment_get("");                    // warned
  client.try_attachment_delete("");                 // warned
  client.try_send_message(linq::Message());         // warned
  client.try_send_request(linq::Request());         // warned
  queue.try_add(source, 1);                         // warned
  queue.try_add_presigned(place, source, 1);        // warned
  queue.try_next();                                 // warned
}
